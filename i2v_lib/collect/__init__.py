"""Illustrations from elsewhere: boorus and bulk archives."""
