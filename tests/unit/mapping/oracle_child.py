"""Answers expressions with Google's C++ CEL, one JSON line each.

Run as a process of its own: reading a null drops a reference to Python 3.11's None, which ends the
process after some thousand of them. Nulls are therefore told by their type.
"""

import json
import sys

from cel_expr_python import cel

environment = cel.NewEnv(variables={"order": cel.Type.DYN})
for line in sys.stdin:
    question = json.loads(line)
    try:
        compiled = environment.compile(question["text"], disable_check=True)
        answer = compiled.eval(data={"order": question["order"]})
        kind = answer.type().name()
        found = {"error": str(answer.value())} if "ERROR" in kind.upper() else None
        reply = found or {"value": answer.plain_value()}
    except Exception as error:  # noqa: BLE001 - whatever it says is the answer
        reply = {"error": str(error)}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
