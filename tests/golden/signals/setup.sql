CREATE TABLE orders (id int PRIMARY KEY, state text);
INSERT INTO orders VALUES (7, 'new');
