//! Objects that Git declares more than once: in two folders, by two charts.

use super::schemas::Schemas;
use crate::diff::is_equivalent;
use crate::model::{Desired, Incomplete};

/// Notes on each object where else it is declared; reports declarations that
/// contradict each other. The objects are sorted by id.
pub(super) fn note_duplicates(
    objects: &mut [Desired],
    duplicates: Vec<Desired>,
    schemas: &Schemas,
) -> Vec<Incomplete> {
    let mut contradictions = Vec::new();
    for other in duplicates {
        // What was left out on purpose is not looked for.
        let Ok(index) = objects.binary_search_by(|object| object.id.cmp_key(&other.id)) else { continue };
        let first = &mut objects[index];
        let (place, second) = (first.origin.to_string(), other.origin.to_string());
        if is_equivalent(first, &other, schemas.for_version(&other.id.group, &other.id.version)) {
            // Two sources may hold the same file.
            if place != second {
                first.notes.push(format!("also declared at {second}"));
            }
        } else {
            first.notes.push(format!("declared differently at {second}"));
            let id = other.id.with_group();
            let why = format!("{id} is declared twice, first at {place} (which was compared): remove one");
            contradictions.push(Incomplete { what: second, why }.shortened());
        }
    }
    contradictions
}

#[cfg(test)]
mod tests {
    use super::note_duplicates;
    use crate::check::schemas::Schemas;
    use crate::diff::tests::desired;
    use crate::model::Desired;

    fn at(file: &str, text: &str) -> Desired {
        let mut object = desired(text);
        object.origin.file = file.to_owned();
        object
    }

    /// What is noted at the first of two declarations, and what contradicts it.
    fn settled(first: &str, second: &str) -> (String, String) {
        let mut objects = vec![at("a.yaml", first)];
        let contradictions = note_duplicates(&mut objects, vec![at("b.yaml", second)], &Schemas::default());
        let told = contradictions.iter().map(|told| format!("{}: {}", told.what, told.why));
        (objects[0].notes.join("; "), told.collect())
    }

    #[test]
    fn equal_declarations_are_merged() {
        for (first, second) in [
            (
                "{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {a: b}}}",
                "{kind: Namespace, metadata: {labels: {a: b}, name: x}, apiVersion: v1}",
            ),
            // Defaults that are written down, and nulls.
            (
                "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 80}]}}",
                "{apiVersion: v1, kind: Service, metadata: {name: x, labels: null}, spec: {type: ClusterIP, ports: [{port: 80, protocol: TCP, targetPort: 80}]}}",
            ),
            (
                "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {template: {spec: {containers: [{name: c, image: i, resources: {limits: {cpu: 500m, memory: 1Gi}}}]}}}}",
                "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: 1, template: {spec: {containers: [{name: c, image: i, resources: {limits: {cpu: 0.5, memory: 1024Mi}}}]}}}}",
            ),
            (
                "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {a: b}}",
                "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {a: Yg==}, type: Opaque}",
            ),
            (
                "{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, spec: {a: [1, {b: c}]}}",
                "{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, spec: {a: [1, {b: c}]}, status: {}}",
            ),
        ] {
            let expected = ("also declared at b.yaml".to_owned(), String::new());
            assert_eq!(settled(first, second), expected, "{first} {second}");
            assert_eq!(settled(second, first), expected, "{second} {first}");
        }
    }

    #[test]
    fn conflicting_declarations_reported_with_both_places() {
        for (first, second, id) in [
            (
                "{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {a: b}}}",
                "{apiVersion: v1, kind: Namespace, metadata: {name: x}}",
                "Namespace/x",
            ),
            (
                "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 80}]}}",
                "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 80, protocol: UDP}]}}",
                "Service/x",
            ),
            (
                "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {a: b}}",
                "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {a: c}}",
                "Secret/x",
            ),
            // Only the server could tell.
            (
                "{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, spec: {a: b}}",
                "{apiVersion: example.com/v2, kind: Thing, metadata: {name: x}, spec: {a: b}}",
                "Thing.example.com/x",
            ),
            (
                "{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, spec: {a: null}}",
                "{apiVersion: example.com/v1, kind: Thing, metadata: {name: x}, spec: {a: {}}}",
                "Thing.example.com/x",
            ),
        ] {
            let why =
                format!("b.yaml: {id} is declared twice, first at a.yaml (which was compared): remove one");
            assert_eq!(
                settled(first, second),
                ("declared differently at b.yaml".to_owned(), why),
                "{second}"
            );
        }
    }

    #[test]
    fn skipped_objects_and_same_file_not_reported() {
        let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}";
        let mut objects = vec![at("a.yaml", text)];
        let others = vec![at("a.yaml", text), desired("{apiVersion: v1, kind: Secret, metadata: {name: x}}")];
        assert!(note_duplicates(&mut objects, others, &Schemas::default()).is_empty());
        assert!(objects[0].notes.is_empty());
    }
}
