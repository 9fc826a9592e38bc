CREATE TABLE scratch (n int);
CREATE TABLE report (at timestamptz, note text);
CREATE PROCEDURE note(said text) LANGUAGE sql AS $$INSERT INTO report (note) VALUES (said)$$;
