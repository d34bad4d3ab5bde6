"""Collecting illustrations from boorus: what a post is, which may be fetched, and how each site is asked."""
