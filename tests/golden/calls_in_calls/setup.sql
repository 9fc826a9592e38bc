CREATE TABLE started (id text);
