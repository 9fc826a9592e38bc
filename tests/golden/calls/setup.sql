CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bob');
CREATE TABLE letters (customer int, text text);
CREATE TABLE started (instance text);
