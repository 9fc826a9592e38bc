CREATE TABLE visits (n int);
CREATE TABLE log (n int);
