"""A W&B server on this machine that answers what the client itself asks, over HTTP.

It proves that our side of the conversation is right. Of the real server's behaviour, its limits
and its speed it says nothing.
"""
