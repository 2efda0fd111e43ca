"""Code that runs in the enclave. Imports are relative: it is ``quality`` there and below ``shipped_apps`` here."""
