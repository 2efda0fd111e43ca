"""Code that runs in the enclave. Imports are relative: it is ``columns`` there and below ``shipped_apps`` here."""
