"""What an audit found, for people: an HTML page that opens offline, Markdown, and node data for Model Explorer."""
