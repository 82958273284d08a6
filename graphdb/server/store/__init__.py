"""The local server's store: built by Neo4j's importer, put in place of the old one."""
