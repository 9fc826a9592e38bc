CREATE TABLE "Log" (number int, text text);
