"""What W&B's client asks to write a run, found by listening to it (wandb 0.31).

start     RunResumeStatus, UpsertBucket
meanwhile POST file_stream: rows of the history, the summary, "complete" with the exit code
files     CreateRunFiles, then PUT each
artifacts ArtifactType, CreateArtifact, its manifest and files, CommitArtifact, ArtifactByID
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

from tests.wandb_server.server import Answer, Operation, Refused, Server
from tests.wandb_server.store import Artifact, Run

Values = dict[str, Any]


def viewer(server: Server, variables: Values, query: str) -> Values:
    """Whose key it is."""
    store = server.store
    teams = {"edges": [{"node": {"name": store.entity}}]}
    account = {"id": "someone's", "username": store.user, "email": "someone@lab.example"}
    return {"viewer": account | {"entity": store.entity, "name": "", "flags": "{}", "teams": teams}}


def resume_status(server: Server, variables: Values, query: str) -> Values:
    entity, project = _place(server, variables)
    run = server.store.project(entity, project).get(variables["name"])
    return {
        "model": _project(entity, project)
        | {"bucket": run and _resumed(run, storage_id(entity, project, run.id))}
    }


def upsert(server: Server, variables: Values, query: str) -> Values:
    """Start a run, resume it, or change what it says of itself."""
    entity, project, run = _found(server, variables)
    inserted = run is None
    if run is None and variables["name"] in server.store.deleted:
        raise Refused(409, f"run {variables['name']} was previously created and deleted")
    if run is None:
        run = Run(variables["name"], display_name=variables["name"], state="running")
        server.store.project(entity, project)[run.id] = run
    if variables.get("displayName") and run.state != "preempting":  # another attempt
        run.state = "running"
    run.display_name = _given(variables, "displayName", "display_name") or run.display_name
    run.group = _given(variables, "groupName") or run.group
    run.job_type = _given(variables, "jobType") or run.job_type
    run.commit = _given(variables, "commit") or run.commit
    run.state = _given(variables, "state") or run.state
    if (tags := _given(variables, "tags")) is not None:
        run.tags = tags
    if config := _given(variables, "config"):
        run.config = {name: one["value"] for name, one in json.loads(config).items()}
    if summary := _given(variables, "summaryMetrics"):
        run.summary = json.loads(summary)
    run.writes += 1
    bucket = {"id": storage_id(entity, project, run.id), "name": run.id, "sweepName": None}
    bucket |= {"displayName": run.display_name, "description": None, "config": _config(run)}
    bucket |= {"project": _project(entity, project), "historyLineCount": len(run.history)}
    return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}


def file_stream(server: Server, path: str, body: bytes) -> Answer:
    """Rows of the history and events, the summary, and in the end the exit code."""
    _, _, entity, project, name, _ = map(unquote, path.split("/"))
    run, content = server.store.project(entity, project)[name], json.loads(body)
    for file, chunk in (content.get("files") or {}).items():
        rows = [json.loads(line) for line in chunk["content"] if line.startswith("{")]
        run.writes += 1
        if file == "wandb-history.jsonl":
            run.history[chunk["offset"] : chunk["offset"] + len(rows)] = rows
        elif file == "wandb-summary.json":
            run.summary = rows[-1]
        elif file == "wandb-events.jsonl":
            run.events += len(rows)
    if content.get("preempting"):
        run.state = "preempting"
    if content.get("complete"):
        run.writes += 1
        ends = {"running": "failed" if content["exitcode"] else "finished"}
        run.state = ends.get(run.state, "preempted" if content["exitcode"] else "finished")
    return 200, {"exitcode": None, "limits": {}}


def create_files(server: Server, variables: Values, query: str) -> Values:
    place = f"{server.url}/upload/{variables['entity']}/{variables['project']}/{variables['run']}"
    files = [{"name": name, "uploadUrl": f"{place}/{name}"} for name in variables["files"]]
    return {"createRunFiles": {"runID": variables["run"], "uploadHeaders": [], "files": files}}


def upload(server: Server, path: str, body: bytes) -> Answer:
    _, _, entity, project, name, file = unquote(path).split("/", 5)
    run = server.store.project(entity, project)[name]
    run.files[file] = body
    run.writes += 1
    return 200, b""


def artifact_type(server: Server, variables: Values, query: str) -> Values:
    known = server.store.artifacts.get(variables["name"].partition(":")[0])
    return {"project": {"artifact": known and {"artifactType": {"name": known.type}}}}


def create_artifact(server: Server, variables: Values, query: str) -> Values:
    """A new version, or the one that is there if nothing in it differs."""
    asked = variables["input"]
    name = asked["artifactCollectionName"]
    known = server.store.artifacts.get(name)
    if known is None or known.digest != asked["digest"]:
        run = server.store.project(asked["entityName"], asked["projectName"])[asked["runName"]]
        run.writes += 1
        metadata = json.loads(asked.get("metadata") or "{}")
        number = f"{name}#{0 if known is None else int(known.id.partition('#')[2]) + 1}"
        known = Artifact(number, name, asked["artifactTypeName"], run.id, asked["digest"], metadata)
        server.store.artifacts[name] = known
    state = "COMMITTED" if known.committed else "PENDING"
    sequence = {"latestArtifact": {"id": known.id, "versionIndex": 0} if known.committed else None}
    artifact = {"id": known.id, "state": state, "artifactSequence": sequence}
    return {"createArtifact": {"artifact": artifact}}


def manifest(server: Server, variables: Values, query: str) -> Values:
    """A place for the list of an artifact's files."""
    name = "updateArtifactManifest" if "updateArtifactManifest" in query else ""
    known = variables.get("artifactManifestID") or variables.get("artifactID")
    file = {"id": "file", "uploadUrl": f"{server.url}/manifest/{known}", "uploadHeaders": []}
    return {name or "createArtifactManifest": {"artifactManifest": {"id": known, "file": file}}}


def create_artifact_files(server: Server, variables: Values, query: str) -> Values:
    def node(asked: Values) -> Values:
        known, path = asked["artifactID"], asked["name"]
        url = f"{server.url}/artifact/{known.replace('#', '/')}/{path}"
        about = {"storagePath": path, "uploadUrl": url, "uploadHeaders": []}
        return about | {"uploadMultipartUrls": None, "artifact": {"id": known}}

    edges = [{"node": node(asked)} for asked in variables["input"]["artifactFiles"]]
    return {"createArtifactFiles": {"files": {"edges": edges}}}


def upload_artifact(server: Server, path: str, body: bytes) -> Answer:
    _, _, name, _, file = unquote(path).split("/", 4)
    server.store.artifacts[name].files[file] = body
    return 200, b""


def commit(server: Server, variables: Values, query: str) -> Values:
    name = variables["artifactID"].partition("#")[0]
    known = server.store.artifacts[name]
    known.committed = True
    return {"commitArtifact": {"artifact": {"id": known.id, "digest": known.digest}}}


def artifact_by_id(server: Server, variables: Values, query: str) -> Values:
    """What a client that waited for an artifact is told of it."""
    name, _, version = variables["id"].partition("#")
    known = server.store.artifacts[name]
    place = {"id": "p", "internalId": "1", "name": "p", "entity": {"name": server.store.entity}}
    told = {"id": known.id, "versionIndex": int(version), "artifactType": {"name": known.type}}
    told |= {"artifactSequence": {"name": name, "project": place}, "aliases": [], "tags": []}
    told |= {"description": None, "metadata": json.dumps(known.metadata), "historyStep": None}
    told |= {"ttlDurationSeconds": -1, "ttlIsInherited": False, "commitHash": None}
    told |= {"state": "COMMITTED" if known.committed else "PENDING", "digest": known.digest}
    told |= {"size": sum(map(len, known.files.values())), "fileCount": len(known.files)}
    moment = "2026-11-01T00:00:00Z"
    return {"artifact": told | {"createdAt": moment, "updatedAt": moment}}


def _given(variables: Values, *names: str) -> Any:
    return next((variables[name] for name in names if variables.get(name) is not None), None)


def _place(server: Server, variables: Values) -> tuple[str, str]:
    """Entity and project that a request means; refuses others' entities as W&B does."""
    entity, store = variables.get("entity") or server.store.entity, server.store
    if entity == "locked":
        raise Refused(403, "permission denied")
    if entity not in (store.user, store.entity):
        raise Refused(404, f"entity {entity} not found during upsertBucket")
    return entity, variables.get("project") or "uncategorized"


def _found(server: Server, variables: Values) -> tuple[str, str, Run | None]:
    """Where a run is to be, and the run, by its own name or by the server's."""
    if variables.get("id"):
        text = base64.b64decode(variables["id"]).decode()
        _, _, name, project, entity = text.split(":")
        return entity, project, server.store.project(entity, project)[name]
    entity, project = _place(server, variables)
    return entity, project, server.store.project(entity, project).get(variables["name"])


def storage_id(entity: str, project: str, name: str) -> str:
    """What the server itself calls a run."""
    return base64.b64encode(f"Run:v1:{name}:{project}:{entity}".encode()).decode()


def _project(entity: str, project: str) -> Values:
    return {"id": project, "name": project, "entity": {"id": entity, "name": entity}}


def _config(run: Run) -> str:
    return json.dumps({name: {"value": value} for name, value in run.config.items()})


def _resumed(run: Run, known: str) -> Values:
    tail = json.dumps([json.dumps(row) for row in run.history[-1:]])
    told = {"id": known, "name": run.id, "displayName": run.display_name, "tags": run.tags}
    told |= {"config": _config(run), "summaryMetrics": json.dumps(run.summary), "notes": None}
    told |= {"historyLineCount": len(run.history), "historyTail": tail, "logLineCount": 0}
    return told | {"eventsLineCount": 0, "eventsTail": "[]", "wandbConfig": '{"t": 1}'}


WRITING: dict[str, Operation] = {
    "Viewer": viewer,
    "RunResumeStatus": resume_status,
    "UpsertBucket": upsert,
    "CreateRunFiles": create_files,
    "ArtifactType": artifact_type,
    "CreateArtifact": create_artifact,
    "CreateArtifactManifest": manifest,
    "UpdateArtifactManifest": manifest,
    "CreateArtifactFiles": create_artifact_files,
    "CommitArtifact": commit,
    "ArtifactByID": artifact_by_id,
}
PATHS = {
    ("POST", "/files/"): file_stream,
    ("PUT", "/upload/"): upload,
    ("PUT", "/artifact/"): upload_artifact,
    ("PUT", "/manifest/"): lambda server, path, body: (200, b""),
}
