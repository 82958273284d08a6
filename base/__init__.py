"""What has no subject of its own: files, documents of others, text. Imports nothing of ours."""
