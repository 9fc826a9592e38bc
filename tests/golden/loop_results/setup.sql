CREATE TABLE laps (n int);
