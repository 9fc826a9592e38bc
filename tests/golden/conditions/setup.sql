CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10, 2), customer text, route text);
INSERT INTO orders VALUES (1, 250.00, 'O''Hara'), (2, 9.50, 'Ada');
CREATE TABLE reviews (id bigint GENERATED ALWAYS AS IDENTITY, note text);
