"""The fields of a batch/v1 Job and all that it holds, from the models of Kubernetes' own JavaScript client, which are
generated from its OpenAPI description.

    npm pack @kubernetes/client-node@1.4.0 && tar xzf kubernetes-client-node-1.4.0.tgz
    python3 kubernetes-job.py package > kubernetes-job.json

Per type: field -> type; a field that must be there ends in '!'.
"""

import json
import pathlib
import re
import sys

package = pathlib.Path(sys.argv[1])
models = package / "dist" / "gen" / "models"
# Not descended into: a worker has none of these, and they would be most of the file.
CLOSED = re.compile(
    r"Affinity|Probe|Lifecycle$|EphemeralContainer|DNSConfig|Windows|ManagedFields|OwnerReference|"
    r"Status$|(?<!PersistentVolumeClaim)(?<!EmptyDir)VolumeSource|ResourceClaim|TopologySpread|HostAlias"
)
types: dict[str, dict[str, str]] = {}
version = ""


def visit(name: str) -> None:
    global version
    if name in types or not (models / f"{name}.js").exists() or CLOSED.search(name):
        return
    source = (models / f"{name}.js").read_text()
    declared = (models / f"{name}.d.ts").read_text()
    version = re.search(r"OpenAPI spec version: (\S+)", source)[1]
    fields = json.loads(re.search(r"attributeTypeMap = (\[.*?\n\]|\[\]);", source, re.S)[1])
    types[name] = {}
    for field in fields:
        required = re.search(rf"^    '{re.escape(field['name'])}': ", declared, re.M)
        types[name][field["baseName"]] = field["type"] + ("!" if required else "")
    for field in fields:
        for inner in re.findall(r"\w+", field["type"]):
            visit(inner)


visit("V1Job")
client = json.loads((package / "package.json").read_text())
header = {"client": f"{client['name']} {client['version']}", "openapi": version}
lines = [f"  {json.dumps(name)}: {json.dumps(fields)}" for name, fields in sorted(types.items())]
print(json.dumps(header)[:-1] + ', "types": {\n' + ",\n".join(lines) + "\n}}")
