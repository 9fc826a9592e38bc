CREATE TABLE runs (id bigint GENERATED ALWAYS AS IDENTITY, on_the_hour boolean);
