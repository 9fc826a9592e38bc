CREATE TABLE log (note text);
