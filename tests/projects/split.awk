# Splits a stream of manifests into one file for each document, named by the step in which it is applied.
#
# folder      where the files go
# namespace   for objects that name none
# objects     one line for each document is added: step, its group and kind, those that it defines (a CRD), file, origin, id, and for an object
#             without a namespace the source's one and the indentation of its metadata, and the scope that a CRD gives
# namespaces  the namespaces of the objects are added
# origin      the file's path in the project
# left_out    lines `KIND/NAME <tab> why` or `PATH <tab> why`: what cannot be applied; `*` at the end matches any ending
BEGIN {
  while ((getline line < left_out) > 0) {
    split(line, columns, "\t")
    left[columns[1]] = 1
  }
  while ((getline line < objects) > 0) {
    split(line, columns, " ")
    seen[columns[2] " " columns[6]] = 1
  }
  close(objects)
  start()
}

/^---([ \t\r].*)?$/ { finish(); start(); next }

{
  text = text $0 "\n"
  line = $0
  sub(/[ \t]*(#.*)?\r?$/, "", line)
  if (line ~ /^[A-Za-z]/) part = line
  if (line ~ /^kind:/) kind = value(line)
  if (line ~ /^apiVersion:/) version = value(line)
  if (part == "metadata:" && line ~ /^ +[^ ]/) level(line)
  if (part == "metadata:" && line ~ /^( +)name:/ && indent(line) == level(line)) name = value(line)
  if (part == "metadata:" && line ~ /^( +)namespace:/ && indent(line) == level(line)) own = value(line)
  if (part == "metadata:" && line ~ /^ +["']?helm\.sh\/hook["']?:/) hook = 1
  if (part == "spec:" && line ~ /^ +group: *[a-z"]/ && !group) group = value(line)
  if (part == "spec:" && line ~ /^ +scope: *"?[CN]/ && !scope) scope = value(line)
  if (part == "spec:" && line ~ /^ +kind: *[A-Z"]/ && !defined) defined = value(line)
}

END { finish() }

function start() { text = kind = version = name = own = part = group = defined = scope = ""; hook = depth = 0 }

# The indentation of the fields of metadata is that of the first one.
function level(line) { if (!depth) depth = indent(line); return depth }
function indent(line) { match(line, /^ */); return RLENGTH }

function value(line) {
  sub(/^[^:]*:[ \t]*/, "", line)
  gsub(/^["']|["']$/, "", line)
  return line
}

function is_left_out(id,   pattern) {
  for (pattern in left) {
    if (pattern == id) return 1
    if (pattern ~ /\*$/ && index(id, substr(pattern, 1, length(pattern) - 1)) == 1) return 1
  }
  return 0
}

function step() {
  if (is_left_out(kind "/" name) || is_left_out(origin)) return "without-refused"
  if (hook) return "without-hook"
  if (name == "" && kind !~ /List$/) return "without-name"
  if ((of_group() "/" kind " " identity()) in seen) return "without-second"
  # What apply keeps of it in an annotation would be too long for the API server.
  if (kind == "CustomResourceDefinition") return length(text) > 250000 ? "long" : "crd"
  if (kind == "Namespace") return "namespace"
  if (kind ~ /^(APIService|ResourceQuota)$/ || kind ~ /(WebhookConfiguration|AdmissionPolicy|AdmissionPolicyBinding)$/) return "guard"
  return "object"
}

function of_group() { return version ~ /\// ? substr(version, 1, index(version, "/") - 1) : "core" }
function identity() {
  if (kind ~ /^(Cluster.+|PersistentVolume|.+Class|Namespace|CustomResourceDefinition|.*WebhookConfiguration|.*AdmissionPolicy.*)$/) return kind "//" name
  return kind "/" (own ? own : namespace) "/" name
}

function finish(   which, file) {
  if (kind == "") return
  which = step()
  # Hooks stay in Git: drift knows that they are no objects of the release.
  if (which !~ /^without-/ || which == "without-hook") {
    file = sprintf("%s/%05d.%s.yaml", folder, ++number, which)
    printf "%s", text > file
    close(file)
  }
  if (which !~ /^without-/) {
    seen[of_group() "/" kind " " identity()] = 1
    if (own) print own >> namespaces
  }
  if (kind != "CustomResourceDefinition" || !group) group = defined = "-"
  print which, of_group() "/" kind, group "/" defined, (file ? file : "-"), origin, identity(), namespace, (own ? "-" : depth), (scope ? scope : "-") >> objects
}
