"""The stored queries: their files, their parameters and their text, mostly without a database.

query       what one file says
header      the format of a file, read strictly; `entries` reads its parameters and columns
values      values of parameters, from the command line or from Python to Cypher
library     all stored queries, one by name, and their list
text        a query as text for other programs
markdown    the reference page
check       the catalogue against a real server
"""
