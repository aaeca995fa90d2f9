//! One manual change a line: what Git declares, what a person does, what must be found, and nothing else.

use super::objects::*;

/// One manual change.
pub(super) struct Case {
    /// The name of its object: one object for each case, so that one run sees all of them.
    pub(super) name: &'static str,
    pub(super) object: &'static str,
    /// kubectl command lines, arguments split at blanks; `@` is the name, `%` the namespace.
    pub(super) run: &'static [&'static str],
    /// `SIGN PATH DESIRED -> LIVE: CAUSE CONFIDENCE MANAGER`; `{P}` is the Pod's template, `{C}` its container `web`.
    pub(super) found: &'static [&'static str],
    /// The same for objects applied server-side, where the server records something else.
    pub(super) server_side: Option<&'static [&'static str]>,
}

const fn case(
    name: &'static str,
    object: &'static str,
    run: &'static [&'static str],
    found: &'static [&'static str],
) -> Case {
    Case { name, object, run, found, server_side: None }
}

const fn unlike(
    name: &'static str,
    object: &'static str,
    run: &'static [&'static str],
    found: &'static [&'static str],
    server_side: &'static [&'static str],
) -> Case {
    Case { name, object, run, found, server_side: Some(server_side) }
}

pub(super) const CASES: &[Case] = &[
    // Workloads.
    case(
        "scale",
        DEPLOYMENT,
        &["scale deployment/@ --replicas=5"],
        &["~ .spec.replicas 2 -> 5: manual high kubectl/scale"],
    ),
    // A Scale with no replicas leaves the field out, so its writer owns nothing.
    case(
        "scale-zero",
        DEPLOYMENT,
        &["scale deployment/@ --replicas=0"],
        &["~ .spec.replicas 2 -> 0: unknown none -"],
    ),
    // The server records no writer here (notes of the project: verified).
    unlike(
        "scale-undeclared",
        PLAIN,
        &["scale deployment/@ --replicas=4"],
        &["+ .spec.replicas - -> 4: manual high kubectl/scale"],
        &["+ .spec.replicas - -> 4: unknown none -"],
    ),
    case(
        "patch-undeclared-replicas",
        PLAIN,
        &["patch deployment/@ -p {\"spec\":{\"replicas\":4}}"],
        &["+ .spec.replicas - -> 4: manual high kubectl-patch"],
    ),
    case(
        "in-range",
        SCALED,
        &["patch deployment/@ -p {\"spec\":{\"replicas\":4}}"],
        &["+ .spec.replicas - -> 4: controller high kubectl-patch"],
    ),
    case(
        "out-of-range",
        SCALED,
        &["patch deployment/@ -p {\"spec\":{\"replicas\":9}}"],
        &["+ .spec.replicas - -> 9: manual high kubectl-patch"],
    ),
    case(
        "set-image",
        DEPLOYMENT,
        &["set image deployment/@ web=nginx:1.26"],
        &["~ {C}.image \"nginx:1.25\" -> \"nginx:1.26\": manual high kubectl-set"],
    ),
    case(
        "set-image-latest",
        DEPLOYMENT,
        &["set image deployment/@ web=nginx:latest"],
        &["~ {C}.image \"nginx:1.25\" -> \"nginx:latest\": manual high kubectl-set"],
    ),
    case(
        "set-env",
        DEPLOYMENT,
        &["set env deployment/@ -c web C=3"],
        &["+ {C}.env[name=\"C\"] - -> {\"name\":\"C\",\"value\":\"3\"}: manual high kubectl-set"],
    ),
    case(
        "set-env-changed",
        DEPLOYMENT,
        &["set env deployment/@ -c web A=9"],
        &["~ {C}.env[name=\"A\"].value \"1\" -> \"9\": manual high kubectl-set"],
    ),
    case(
        "set-env-removed",
        DEPLOYMENT,
        &["set env deployment/@ -c web A-"],
        &["- {C}.env[name=\"A\"] {\"name\":\"A\",\"value\":\"1\"} -> -: unknown none -"],
    ),
    case(
        "set-resources",
        DEPLOYMENT,
        &["set resources deployment/@ -c web --limits=memory=1Gi"],
        &["~ {C}.resources.limits.memory \"0.25Gi\" -> \"1Gi\": manual high kubectl-set"],
    ),
    case(
        "limit-removed",
        DEPLOYMENT,
        &[
            "patch deployment/@ --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/resources/limits/memory\"}]",
        ],
        &["- {C}.resources.limits.memory \"0.25Gi\" -> -: unknown none -"],
    ),
    case(
        "limit-removed-and-labelled",
        DEPLOYMENT,
        &[
            "patch deployment/@ --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/resources/limits/memory\"}]",
            "label deployment/@ who=me",
        ],
        &[
            "- {C}.resources.limits.memory \"0.25Gi\" -> -: manual low kubectl-label",
            "+ .metadata.labels.who - -> \"me\": manual high kubectl-label",
        ],
    ),
    case(
        "set-serviceaccount",
        DEPLOYMENT,
        &["set serviceaccount deployment/@ robot"],
        &["+ {P}.serviceAccountName - -> \"robot\": manual high kubectl-set"],
    ),
    case(
        "label",
        DEPLOYMENT,
        &["label deployment/@ team=red"],
        &["+ .metadata.labels.team - -> \"red\": manual high kubectl-label"],
    ),
    case(
        "label-changed",
        DEPLOYMENT,
        &["label --overwrite deployment/@ app=x"],
        &["~ .metadata.labels.app \"@\" -> \"x\": manual high kubectl-label"],
    ),
    case(
        "label-removed",
        DEPLOYMENT,
        &["label deployment/@ app-"],
        &["- .metadata.labels {\"app\":\"@\"} -> -: unknown none -"],
    ),
    case(
        "annotate",
        PLAIN,
        &["annotate deployment/@ a.b/c=d"],
        &["+ .metadata.annotations[\"a.b/c\"] - -> \"d\": manual high kubectl-annotate"],
    ),
    case(
        "restart",
        PLAIN,
        &["rollout restart deployment/@"],
        &[
            "+ .spec.template.metadata.annotations[\"kubectl.kubernetes.io/restartedAt\"] - -> TIME: manual high kubectl-rollout",
        ],
    ),
    case(
        "pause",
        PLAIN,
        &["rollout pause deployment/@"],
        &["+ .spec.paused - -> true: manual high kubectl-rollout"],
    ),
    case(
        "edit",
        DEPLOYMENT,
        &["edit s/nginx:1.25/nginx:1.27/ deployment/@"],
        &["~ {C}.image \"nginx:1.25\" -> \"nginx:1.27\": manual high kubectl-edit"],
    ),
    case(
        "replace",
        DEPLOYMENT,
        &["replace s/nginx:1.25/nginx:1.27/ deployment/@"],
        &["~ {C}.image \"nginx:1.25\" -> \"nginx:1.27\": manual high kubectl-replace"],
    ),
    case(
        "grace",
        PLAIN,
        &[
            "patch deployment/@ -p {\"spec\":{\"template\":{\"spec\":{\"terminationGracePeriodSeconds\":45}}}}",
        ],
        &["+ {P}.terminationGracePeriodSeconds - -> 45: manual high kubectl-patch"],
    ),
    case(
        "toleration",
        PLAIN,
        &[
            "patch deployment/@ -p {\"spec\":{\"template\":{\"spec\":{\"tolerations\":[{\"key\":\"a\",\"operator\":\"Exists\"}]}}}}",
        ],
        &["+ {P}.tolerations - -> [{\"key\":\"a\",\"operator\":\"Exists\"}]: manual high kubectl-patch"],
    ),
    case(
        "recreate",
        PLAIN,
        &[
            "patch deployment/@ -p {\"spec\":{\"strategy\":{\"$retainKeys\":[\"type\"],\"type\":\"Recreate\"}}}",
        ],
        &["+ .spec.strategy.type - -> \"Recreate\": manual high kubectl-patch"],
    ),
    case(
        "surge",
        PLAIN,
        &["patch deployment/@ -p {\"spec\":{\"strategy\":{\"rollingUpdate\":{\"maxSurge\":2}}}}"],
        &["+ .spec.strategy.rollingUpdate.maxSurge - -> 2: manual high kubectl-patch"],
    ),
    case(
        "sidecar",
        PLAIN,
        &[
            "patch deployment/@ -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"spy\",\"image\":\"spy:1\"}]}}}}",
        ],
        &[
            "+ {P}.containers[name=\"spy\"] - -> {\"image\":\"spy:1\",\"imagePullPolicy\":\"IfNotPresent\",\"name\":\"spy\",\"resources\":{},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\"}: manual high kubectl-patch",
        ],
    ),
    case(
        "container-removed",
        DEPLOYMENT,
        &[
            "patch deployment/@ --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/1\"}]",
        ],
        &[
            "- {P}.containers[name=\"helper\"] {\"image\":\"busybox:1.36\",\"name\":\"helper\"} -> -: unknown none -",
        ],
    ),
    case(
        "args-order",
        DEPLOYMENT,
        &[
            "patch deployment/@ --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/args\",\"value\":[\"b\",\"a\"]}]",
        ],
        &["~ {C}.args [\"a\",\"b\"] -> [\"b\",\"a\"]: manual medium kubectl-patch"],
    ),
    case(
        "node-selector",
        DEPLOYMENT,
        &["patch deployment/@ -p {\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"disk\":\"hdd\"}}}}}"],
        &["~ {P}.nodeSelector {\"disk\":\"ssd\"} -> {\"disk\":\"hdd\"}: manual medium kubectl-patch"],
    ),
    case(
        "escalation",
        DEPLOYMENT,
        &[
            "patch deployment/@ --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation\"}]",
        ],
        &["- {C}.securityContext.allowPrivilegeEscalation false -> -: unknown none -"],
    ),
    case(
        "hardening-removed",
        DEPLOYMENT,
        &[
            "patch deployment/@ --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/securityContext\"}]",
        ],
        &["- {C}.securityContext {\"allowPrivilegeEscalation\":false,\"runAsUser\":0} -> -: unknown none -"],
    ),
    case(
        "pull-policy",
        DEPLOYMENT,
        &[
            "patch deployment/@ -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"imagePullPolicy\":\"Always\"}]}}}}",
        ],
        &["+ {C}.imagePullPolicy - -> \"Always\": manual high kubectl-patch"],
    ),
    case(
        "probe",
        PLAIN,
        &[
            "patch deployment/@ -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"livenessProbe\":{\"tcpSocket\":{\"port\":80}}}]}}}}",
        ],
        &[
            "+ {C}.livenessProbe - -> {\"failureThreshold\":3,\"periodSeconds\":10,\"successThreshold\":1,\"tcpSocket\":{\"port\":80},\"timeoutSeconds\":1}: manual high kubectl-patch",
        ],
    ),
    case(
        "by-script",
        PLAIN,
        &["patch deployment/@ --field-manager=OpenAPI-Generator -p {\"spec\":{\"replicas\":4}}"],
        &["+ .spec.replicas - -> 4: manual none OpenAPI-Generator"],
    ),
    case(
        "through-argocd",
        PLAIN,
        &["patch deployment/@ --field-manager=argocd-server -p {\"spec\":{\"replicas\":4}}"],
        &["+ .spec.replicas - -> 4: manual high argocd-server"],
    ),
    case(
        "same-value",
        DEPLOYMENT,
        &["set image deployment/@ web=nginx:1.26", "set image deployment/@ web=nginx:1.25"],
        &[],
    ),
    case(
        "default-written",
        PLAIN,
        &["patch deployment/@ -p {\"spec\":{\"replicas\":1,\"revisionHistoryLimit\":10}}"],
        &[],
    ),
    case("delete", DEPLOYMENT, &["delete deployment/@ --wait=false"], &["missing: unknown none -"]),
    case(
        "stateful-scale",
        STATEFUL_SET,
        &["scale statefulset/@ --replicas=1"],
        &["~ .spec.replicas 3 -> 1: manual high kubectl/scale"],
    ),
    case(
        "stateful-image",
        STATEFUL_SET,
        &["set image statefulset/@ web=postgres:17"],
        &["~ {C}.image \"postgres:16\" -> \"postgres:17\": manual high kubectl-set"],
    ),
    case(
        "stateful-partition",
        STATEFUL_SET,
        &["patch statefulset/@ -p {\"spec\":{\"updateStrategy\":{\"rollingUpdate\":{\"partition\":2}}}}"],
        &["+ .spec.updateStrategy.rollingUpdate.partition - -> 2: manual high kubectl-patch"],
    ),
    case(
        "stateful-on-delete",
        STATEFUL_SET,
        &[
            "patch statefulset/@ -p {\"spec\":{\"updateStrategy\":{\"$retainKeys\":[\"type\"],\"type\":\"OnDelete\"}}}",
        ],
        &["+ .spec.updateStrategy.type - -> \"OnDelete\": manual high kubectl-patch"],
    ),
    case(
        "daemon-image",
        DAEMON_SET,
        &["set image daemonset/@ web=agent:2"],
        &["~ {C}.image \"agent:1\" -> \"agent:2\": manual high kubectl-set"],
    ),
    case(
        "daemon-selector",
        DAEMON_SET,
        &["patch daemonset/@ -p {\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"none\":\"x\"}}}}}"],
        &["+ {P}.nodeSelector - -> {\"none\":\"x\"}: manual high kubectl-patch"],
    ),
    case(
        "cron-schedule",
        CRON_JOB,
        &["edit s/schedule:\\x200/schedule:\\x205/ cronjob/@"],
        &["~ .spec.schedule \"0 1 * * *\" -> \"5 1 * * *\": manual high kubectl-edit"],
    ),
    case(
        "cron-suspend",
        CRON_JOB,
        &["patch cronjob/@ -p {\"spec\":{\"suspend\":true}}"],
        &["+ .spec.suspend - -> true: manual high kubectl-patch"],
    ),
    case(
        "job-suspend",
        JOB,
        &["patch job/@ -p {\"spec\":{\"suspend\":true}}"],
        &["+ .spec.suspend - -> true: manual high kubectl-patch"],
    ),
    case(
        "pod-image",
        POD,
        &["set image pod/@ web=nginx:1.26"],
        &["~ .spec.containers[name=\"web\"].image \"nginx:1.25\" -> \"nginx:1.26\": manual high kubectl-set"],
    ),
    // Made by hand.
    case(
        "create",
        PLAIN,
        &["create configmap @-made --from-literal=a=b"],
        &["!@-made unmanaged: manual high kubectl-create"],
    ),
    case(
        "expose",
        PLAIN,
        &["expose deployment/@ --port=80 --name=@-made"],
        &["!@-made unmanaged: manual high kubectl-expose"],
    ),
    case(
        "autoscale",
        PLAIN,
        &["autoscale deployment/@ --min=1 --max=3 --name=@-made"],
        &["!@-made unmanaged: manual high kubectl-autoscale"],
    ),
    case("run", PLAIN, &["run @-made --image=nginx"], &["!@-made unmanaged: manual high kubectl-run"]),
    // Services and networks.
    case(
        "node-port",
        SERVICE,
        &["patch service/@ -p {\"spec\":{\"type\":\"NodePort\"}}"],
        &["+ .spec.type - -> \"NodePort\": manual high kubectl-patch"],
    ),
    case(
        "load-balancer",
        SERVICE,
        &["patch service/@ -p {\"spec\":{\"type\":\"LoadBalancer\"}}"],
        &["+ .spec.type - -> \"LoadBalancer\": manual high kubectl-patch"],
    ),
    case(
        "target-port",
        SERVICE,
        &[
            "patch service/@ --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":9090}]",
        ],
        &["~ .spec.ports[port=80,protocol=\"TCP\"].targetPort 8080 -> 9090: manual high kubectl-patch"],
    ),
    case(
        "port-added",
        SERVICE,
        &["patch service/@ -p {\"spec\":{\"ports\":[{\"name\":\"x\",\"port\":99}]}}"],
        &[
            "+ .spec.ports[port=99,protocol=\"TCP\"] - -> {\"name\":\"x\",\"port\":99,\"protocol\":\"TCP\",\"targetPort\":99}: manual high kubectl-patch",
        ],
    ),
    case(
        "port-removed",
        SERVICE,
        &["patch service/@ --type=json -p [{\"op\":\"remove\",\"path\":\"/spec/ports/1\"}]"],
        &[
            "- .spec.ports[port=53,protocol=\"UDP\"] {\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"} -> -: unknown none -",
        ],
    ),
    case(
        "set-selector",
        SERVICE,
        &["set selector service/@ app=other"],
        &["~ .spec.selector {\"app\":\"@\"} -> {\"app\":\"other\"}: manual medium kubectl-set"],
    ),
    case(
        "affinity",
        SERVICE,
        &["patch service/@ -p {\"spec\":{\"sessionAffinity\":\"ClientIP\"}}"],
        &["+ .spec.sessionAffinity - -> \"ClientIP\": manual high kubectl-patch"],
    ),
    case(
        "network-policy",
        NETWORK_POLICY,
        &[
            "patch networkpolicy/@ --type=json -p [{\"op\":\"add\",\"path\":\"/spec/ingress/-\",\"value\":{}}]",
        ],
        &[
            "~ .spec.ingress [{\"ports\":[{\"port\":80}]}] -> [{\"ports\":[{\"port\":80,\"protocol\":\"TCP\"}]},{}]: manual medium kubectl-patch",
        ],
    ),
    case(
        "network-policy-egress",
        NETWORK_POLICY,
        &["patch networkpolicy/@ -p {\"spec\":{\"policyTypes\":[\"Ingress\",\"Egress\"]}}"],
        &["+ .spec.policyTypes - -> [\"Ingress\",\"Egress\"]: manual high kubectl-patch"],
    ),
    case(
        "ingress-class",
        INGRESS,
        &["patch ingress/@ -p {\"spec\":{\"ingressClassName\":\"other\"}}"],
        &["~ .spec.ingressClassName \"nginx\" -> \"other\": manual high kubectl-patch"],
    ),
    case(
        "ingress-host",
        INGRESS,
        &[
            "patch ingress/@ --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/rules/0/host\",\"value\":\"b.example\"}]",
        ],
        &[
            "~ .spec.rules [{\"host\":\"a.example\",\"http\":{\"paths\":[{\"backend\":{\"service\":{\"name\":\"web\",\"port\":{\"number\":80}}},\"path\":\"/\",\"pathType\":\"Prefix\"}]}}] -> [{\"host\":\"b.example\",\"http\":{\"paths\":[{\"backend\":{\"service\":{\"name\":\"web\",\"port\":{\"number\":80}}},\"path\":\"/\",\"pathType\":\"Prefix\"}]}}]: manual medium kubectl-patch",
        ],
    ),
    case(
        "ingress-tls",
        INGRESS,
        &["patch ingress/@ -p {\"spec\":{\"tls\":[{\"secretName\":\"s\"}]}}"],
        &["+ .spec.tls - -> [{\"secretName\":\"s\"}]: manual high kubectl-patch"],
    ),
    // Data.
    case(
        "config-changed",
        CONFIG_MAP,
        &["patch configmap/@ -p {\"data\":{\"a\":\"9\"}}"],
        &["~ .data.a \"1\" -> \"9\": manual high kubectl-patch"],
    ),
    case(
        "config-added",
        CONFIG_MAP,
        &["patch configmap/@ -p {\"data\":{\"c\":\"3\"}}"],
        &["+ .data.c - -> \"3\": manual high kubectl-patch"],
    ),
    case(
        "config-removed",
        CONFIG_MAP,
        &["patch configmap/@ -p {\"data\":{\"b\":null}}"],
        &["- .data.b \"2\" -> -: unknown none -"],
    ),
    case(
        "config-empty-removed",
        CONFIG_MAP,
        &["patch configmap/@ -p {\"data\":{\"empty\":null}}"],
        &["- .data.empty \"\" -> -: unknown none -"],
    ),
    case(
        "config-immutable",
        CONFIG_MAP,
        &["patch configmap/@ -p {\"immutable\":true}"],
        &["+ .immutable - -> true: manual high kubectl-patch"],
    ),
    case(
        "secret-changed",
        SECRET,
        &["patch secret/@ -p {\"stringData\":{\"b\":\"nine\"}}"],
        &["~ .data.b *** -> ***: manual high kubectl-patch"],
    ),
    case(
        "secret-added",
        SECRET,
        &["patch secret/@ -p {\"data\":{\"c\":\"eA==\"}}"],
        &["+ .data.c *** -> ***: manual high kubectl-patch"],
    ),
    case(
        "secret-removed",
        SECRET,
        &["patch secret/@ -p {\"data\":{\"a\":null}}"],
        &["- .data.a *** -> ***: unknown none -"],
    ),
    // Access.
    case(
        "role",
        ROLE,
        &[
            "patch role/@ --type=json -p [{\"op\":\"add\",\"path\":\"/rules/-\",\"value\":{\"apiGroups\":[\"\"],\"resources\":[\"secrets\"],\"verbs\":[\"*\"]}}]",
        ],
        &[
            "~ .rules [{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}] -> [{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]},{\"apiGroups\":[\"\"],\"resources\":[\"secrets\"],\"verbs\":[\"*\"]}]: manual medium kubectl-patch",
        ],
    ),
    case(
        "set-subject",
        ROLE,
        &["set subject rolebinding/@ --user=eve"],
        &[
            "~ .subjects [{\"kind\":\"User\",\"name\":\"ann\"}] -> [{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"User\",\"name\":\"ann\"},{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"User\",\"name\":\"eve\"}]: manual medium kubectl-set",
        ],
    ),
    case(
        "cluster-role",
        CLUSTER_ROLE,
        &[
            "patch clusterrole/%-@ --type=json -p [{\"op\":\"add\",\"path\":\"/rules/0/verbs/-\",\"value\":\"list\"}]",
        ],
        &[
            "!%-@ ~ .rules [{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}] -> [{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\",\"list\"]}]: manual medium kubectl-patch",
        ],
    ),
    case(
        "account",
        ACCOUNT,
        &["patch serviceaccount/@ -p {\"automountServiceAccountToken\":true}"],
        &["~ .automountServiceAccountToken false -> true: manual high kubectl-patch"],
    ),
    case(
        "account-removed",
        ACCOUNT,
        &["patch serviceaccount/@ -p {\"automountServiceAccountToken\":null}"],
        &["- .automountServiceAccountToken false -> -: unknown none -"],
    ),
    // Applied server-side with metadata alone, an object has no managedFields, and later writes are not recorded.
    unlike(
        "bare-account",
        BARE_ACCOUNT,
        &["annotate serviceaccount/@ a.b/c=d"],
        &["+ .metadata.annotations[\"a.b/c\"] - -> \"d\": manual high kubectl-annotate"],
        &["+ .metadata.annotations[\"a.b/c\"] - -> \"d\": unknown none -"],
    ),
    // Limits, storage, scheduling.
    case(
        "budget",
        BUDGET,
        &["patch poddisruptionbudget/@ -p {\"spec\":{\"minAvailable\":0}}"],
        &["~ .spec.minAvailable 2 -> 0: manual high kubectl-patch"],
    ),
    case(
        "autoscaler-max",
        AUTOSCALER,
        &["patch hpa/@ -p {\"spec\":{\"maxReplicas\":50}}"],
        &["~ .spec.maxReplicas 5 -> 50: manual high kubectl-patch"],
    ),
    case(
        "autoscaler-min",
        AUTOSCALER,
        &["patch hpa/@ -p {\"spec\":{\"minReplicas\":3}}"],
        &["+ .spec.minReplicas - -> 3: manual high kubectl-patch"],
    ),
    case(
        "quota",
        QUOTA,
        &["patch resourcequota/@ -p {\"spec\":{\"hard\":{\"requests.cpu\":\"2\"}}}"],
        &["~ .spec.hard[\"requests.cpu\"] \"1000m\" -> \"2\": manual high kubectl-patch"],
    ),
    case(
        "limit-range",
        LIMITS,
        &[
            "patch limitrange/@ --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/limits/0/max/storage\",\"value\":\"2Ti\"}]",
        ],
        &[
            "~ .spec.limits [{\"max\":{\"storage\":\"1Ti\"},\"type\":\"PersistentVolumeClaim\"}] -> [{\"max\":{\"storage\":\"2Ti\"},\"type\":\"PersistentVolumeClaim\"}]: manual medium kubectl-patch",
        ],
    ),
    case(
        "claim-label",
        CLAIM,
        &["label pvc/@ a=b"],
        &["+ .metadata.labels.a - -> \"b\": manual high kubectl-label"],
    ),
    case(
        "volume-policy",
        VOLUME,
        &["patch pv/%-@ -p {\"spec\":{\"persistentVolumeReclaimPolicy\":\"Delete\"}}"],
        &["!%-@ + .spec.persistentVolumeReclaimPolicy - -> \"Delete\": manual high kubectl-patch"],
    ),
    case(
        "storage-class",
        STORAGE_CLASS,
        &["patch storageclass/%-@ -p {\"allowVolumeExpansion\":true}"],
        &["!%-@ ~ .allowVolumeExpansion false -> true: manual high kubectl-patch"],
    ),
    case(
        "priority",
        PRIORITY,
        &["patch priorityclass/%-@ -p {\"globalDefault\":false,\"description\":\"x\"}"],
        &["!%-@ + .description - -> \"x\": manual high kubectl-patch"],
    ),
    // As with the bare account.
    unlike(
        "namespace",
        NAMESPACE,
        &["label namespace/%-@ pod-security.kubernetes.io/enforce=privileged"],
        &[
            "!%-@ + .metadata.labels[\"pod-security.kubernetes.io/enforce\"] - -> \"privileged\": manual high kubectl-label",
        ],
        &[
            "!%-@ + .metadata.labels[\"pod-security.kubernetes.io/enforce\"] - -> \"privileged\": unknown none -",
        ],
    ),
    case(
        "webhook",
        WEBHOOK,
        &[
            "patch validatingwebhookconfiguration/%-@ --type=json -p [{\"op\":\"replace\",\"path\":\"/webhooks/0/failurePolicy\",\"value\":\"Fail\"}]",
        ],
        &[
            "!%-@ ~ .webhooks[name=\"a.verdicts.example\"].failurePolicy \"Ignore\" -> \"Fail\": manual high kubectl-patch",
        ],
    ),
    case(
        "policy",
        POLICY,
        &["patch validatingadmissionpolicy/%-@ --type=merge -p {\"spec\":{\"failurePolicy\":\"Ignore\"}}"],
        &["!%-@ + .spec.failurePolicy - -> \"Ignore\": manual high kubectl-patch"],
    ),
    // The server's own finalizer is none of it.
    case(
        "finalizer",
        CONFIG_MAP,
        &["patch configmap/@ --type=merge -p {\"metadata\":{\"finalizers\":[\"example.com/hold\"]}}"],
        &[
            "+ .metadata.finalizers[=\"example.com/hold\"] - -> \"example.com/hold\": manual high kubectl-patch",
        ],
    ),
    case(
        "finalizer-beside",
        CLAIM,
        &[
            "patch persistentvolumeclaim/@ --type=json -p [{\"op\":\"add\",\"path\":\"/metadata/finalizers/-\",\"value\":\"example.com/hold\"}]",
        ],
        &[
            "+ .metadata.finalizers[=\"example.com/hold\"] - -> \"example.com/hold\": manual high kubectl-patch",
        ],
    ),
    // Custom resources.
    case(
        "widget-default",
        WIDGET,
        &["patch widget/@ --type=merge -p {\"spec\":{\"size\":4}}"],
        &["+ .spec.size - -> 4: manual high kubectl-patch"],
    ),
    // A null stays where a field may be null.
    case(
        "widget-null",
        WIDGET,
        &["patch widget/@ --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/limit\",\"value\":null}]"],
        &["+ .spec.limit - -> null: manual high kubectl-patch"],
    ),
    case(
        "widget-on",
        WIDGET,
        &["patch widget/@ --type=merge -p {\"spec\":{\"enabled\":true}}"],
        &["~ .spec.enabled false -> true: manual high kubectl-patch"],
    ),
    case(
        "widget-on-removed",
        WIDGET,
        &["patch widget/@ --type=merge -p {\"spec\":{\"enabled\":null}}"],
        &["- .spec.enabled false -> -: unknown none -"],
    ),
    case(
        "widget-part",
        WIDGET,
        &[
            "patch widget/@ --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/parts/1/count\",\"value\":7}]",
        ],
        &["~ .spec.parts[id=\"b\"].count 2 -> 7: manual high kubectl-patch"],
    ),
    case(
        "widget-part-added",
        WIDGET,
        &[
            "patch widget/@ --type=json -p [{\"op\":\"add\",\"path\":\"/spec/parts/-\",\"value\":{\"id\":\"c\"}}]",
        ],
        &["+ .spec.parts[id=\"c\"] - -> {\"count\":1,\"id\":\"c\"}: manual high kubectl-patch"],
    ),
    case(
        "widget-tag",
        WIDGET,
        &["patch widget/@ --type=json -p [{\"op\":\"add\",\"path\":\"/spec/tags/-\",\"value\":\"z\"}]"],
        &["+ .spec.tags[=\"z\"] - -> \"z\": manual high kubectl-patch"],
    ),
    case(
        "widget-free",
        WIDGET,
        &["patch widget/@ --type=merge -p {\"spec\":{\"free\":{\"list\":[2,1],\"more\":true}}}"],
        &[
            "~ .spec.free.list [1,2] -> [2,1]: manual medium kubectl-patch",
            "+ .spec.free.more - -> true: manual high kubectl-patch",
        ],
    ),
];

/// Objects that nobody touches: one of each kind.
pub(super) const UNTOUCHED: &[&str] = &[
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    CRON_JOB,
    JOB,
    SERVICE,
    CONFIG_MAP,
    SECRET,
    ROLE,
    CLUSTER_ROLE,
    NETWORK_POLICY,
    INGRESS,
    BUDGET,
    AUTOSCALER,
    ACCOUNT,
    QUOTA,
    LIMITS,
    CLAIM,
    VOLUME,
    STORAGE_CLASS,
    NAMESPACE,
    WEBHOOK,
    POLICY,
    PRIORITY,
    POD,
    WIDGET,
];
