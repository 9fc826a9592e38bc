"""Durable workflows, written in SQL, compiled to plain PL/pgSQL."""

__version__ = "0.1.0"

# What these tools and compiled scripts need of the runtime, and what runtime_sql/01_schema.sql says it is.
# 2 brought df.cursor_v1, forms of values in calls, and the roles that a driver drives.
# 3 brought forms of values beside JSON operators and constant texts.
# 4 brought df.keep_v1.
# 5 counts the branches of a join in another way.
RUNTIME_EPOCH = 5
