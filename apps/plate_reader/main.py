"""Read the licence plates in a picture (TEMPORARY)."""
import io, json, os, sys
from pathlib import Path
from PIL import Image, ImageDraw
from reader.reading import read_plates, open_picture
inp, out = Path(os.environ["IEXEC_IN"]), Path(os.environ["IEXEC_OUT"])
picture = (inp / os.environ["IEXEC_INPUT_FILE_NAME_1"]).read_bytes()
r = read_plates((inp / os.environ["IEXEC_DATASET_FILENAME"]).read_bytes(), picture)
im = open_picture(picture); d = ImageDraw.Draw(im)
for p in r["plates"]: d.rectangle(p["box"], outline="red", width=4)
im.save(out / "annotated.png")
(out / "result.json").write_text(json.dumps(r))
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
