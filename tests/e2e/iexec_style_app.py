"""An app for iExec's Python template: it uses only iExec's variables."""

# ruff: noqa: T201  such an app prints

import json
import os
import sys
import time

iexec_in = os.environ["IEXEC_IN"]
iexec_out = os.environ["IEXEC_OUT"]


def read(folder, name):
    with open(os.path.join(folder, name)) as file:
        return file.read()


def read_dataset(variable):
    # as iExec's samples: the variable is always there, the file only if the task has the dataset
    path = os.path.join(iexec_in, os.environ[variable])
    return read(iexec_in, os.environ[variable]) if os.path.isfile(path) else None


def write(name, text):
    path = os.path.join(iexec_out, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w+") as file:
        file.write(text)
    return path


def write_computed(document):
    write("computed.json", json.dumps(document))


mode = sys.argv[1] if len(sys.argv) > 1 else ""
if mode == "fail":
    print("secret", os.environ.get("IEXEC_REQUESTER_SECRET_1"))
    print("this input makes no sense", file=sys.stderr)
    sys.exit(3)
if mode == "sleep":
    time.sleep(3600)

count = int(os.environ["IEXEC_INPUT_FILES_NUMBER"])
names = [os.environ["IEXEC_INPUT_FILE_NAME_" + str(i + 1)] for i in range(count)]
slots = range(1, int(os.environ.get("IEXEC_BULK_SLICE_SIZE", "0")) + 1)
observed = {
    "environment": {key: value for key, value in os.environ.items() if key.startswith("IEXEC_")},
    "args": sys.argv[1:],
    "dataset": read_dataset("IEXEC_DATASET_FILENAME"),
    "bulk": [read_dataset("IEXEC_DATASET_" + str(n) + "_FILENAME") for n in slots],
    "files": [read(os.environ["IEXEC_INPUT_FILES_FOLDER"], name) for name in names],
}

if mode == "callback":
    write_computed({"callback-data": sys.argv[2]})
elif mode == "folder":
    write("out/one.json", json.dumps(observed))
    write("out/two.txt", "two")
    write_computed({"deterministic-output-path": os.path.join(iexec_out, "out")})
else:
    write_computed({"deterministic-output-path": write("result.json", json.dumps(observed))})
