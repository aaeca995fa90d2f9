"""Cuts GitHub's OpenAPI description to the routes that drift asks."""

import json
import sys

ROUTES = """
get /user
get /repos/{owner}/{repo}
get /repos/{owner}/{repo}/issues
post /repos/{owner}/{repo}/issues
get /repos/{owner}/{repo}/issues/{issue_number}
patch /repos/{owner}/{repo}/issues/{issue_number}
get /repos/{owner}/{repo}/issues/{issue_number}/comments
post /repos/{owner}/{repo}/issues/{issue_number}/comments
post /repos/{owner}/{repo}/issues/{issue_number}/labels
get /repos/{owner}/{repo}/labels
post /repos/{owner}/{repo}/labels
get /repos/{owner}/{repo}/pulls
post /repos/{owner}/{repo}/pulls
get /repos/{owner}/{repo}/pulls/{pull_number}
patch /repos/{owner}/{repo}/pulls/{pull_number}
"""
WORDS = {"description", "example", "examples", "externalDocs", "summary", "tags", "title", "x-github"}


def without_words(node):
    """Drops what is for readers; a property of an answer may have such a name, and is a schema then."""
    if isinstance(node, list):
        return [without_words(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = ("type", "$ref", "oneOf", "anyOf")
    return {
        key: without_words(value)
        for key, value in node.items()
        if key not in WORDS or (isinstance(value, dict) and any(word in value for word in schema))
    }


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        whole = json.load(file)
    paths, components = {}, {}
    for route in ROUTES.split("\n"):
        if route:
            method, path = route.split(" ")
            operation = whole["paths"][path][method]
            wanted = ("operationId", "parameters", "requestBody", "responses")
            kept = {key: operation[key] for key in wanted if key in operation}
            paths.setdefault(path, {})[method] = without_words(kept)
    waiting = [paths]
    while waiting:
        for reference in references(waiting.pop()):
            _, _, group, name = reference.split("/")
            if name not in components.get(group, {}):
                component = without_words(whole["components"][group][name])
                components.setdefault(group, {})[name] = component
                waiting.append(component)
    json.dump({"components": components, "paths": paths}, sys.stdout, indent=1, sort_keys=True)
    print()


main()
