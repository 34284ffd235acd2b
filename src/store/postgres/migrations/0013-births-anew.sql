-- Nothing: SQLite's index of births alone is made anew.
SELECT 1;
