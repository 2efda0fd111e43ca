"""The client library. Import its names from ``sealgrid``; the modules of this package are private.

``client`` and ``resources`` are what users call, ``operations`` what these do, ``stores`` a user's private files, and
``sync`` the blocking client, generated from the asynchronous one.
"""
