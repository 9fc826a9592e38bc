CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY, place text, round int);
