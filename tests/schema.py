"""usage: schema.py SCHEMA FILE    every line of FILE is a JSON document that SCHEMA (draft 7) allows"""

import json
import sys

from jsonschema import Draft7Validator


def complaints(validator, line):
    for error in validator.iter_errors(json.loads(line)):
        yield "/".join(map(str, error.absolute_path)) + ": " + error.message


def main():
    schema, documents = sys.argv[1:]
    with open(schema) as f:
        validator = Draft7Validator(json.load(f))
    with open(documents) as f:
        lines = f.readlines()
    bad = 0
    for number, line in enumerate(lines, 1):
        for complaint in complaints(validator, line):
            print(f"{documents}:{number}: {complaint}")
            bad += 1
    if not lines:
        print(f"{documents}: no documents")
    return bad > 0 or not lines


sys.exit(main())
