CREATE SCHEMA north;
CREATE SCHEMA south;
CREATE TABLE north.orders (id int);
INSERT INTO north.orders VALUES (1), (2);
CREATE TABLE south.orders (id int);
CREATE TABLE started (id text);
