"""The page over the loopback: live, for one person, on this machine only.

guard   who may ask: Host, Origin, token, kind and size of what is sent; what every answer says to the browser
live    one thread that asks models, a short queue before it, and the last texts kept
app     the routes
run     a free port, a browser, and Ctrl-C
"""
