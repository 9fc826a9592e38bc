CREATE TABLE stock (id int, quantity int);
INSERT INTO stock VALUES (1, 0), (2, 0), (3, 5);
SELECT df.setvar('greeting', 'it''s me');
