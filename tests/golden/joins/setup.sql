CREATE TABLE prices (source text, amount numeric);
INSERT INTO prices VALUES ('a', 10.50), ('b', 12), ('b', 14);
