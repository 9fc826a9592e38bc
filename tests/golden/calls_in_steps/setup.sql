CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers VALUES (1, 'Ann'), (2, 'O''Neil');
CREATE TABLE letters (customer int, text text);
