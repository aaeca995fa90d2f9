//! A repository and a cluster that differ in every way that drift tells apart.

use crate::input::server::Server;
use crate::support::command::Drift;
use crate::support::repo::Repo;

/// What only the test knows: no report may hold it, bare or in base64.
pub(crate) const SECRETS: [&str; 4] =
    ["git-side-secret", "Z2l0LXNpZGUtc2VjcmV0", "live-side-secret", "bGl2ZS1zaWRlLXNlY3JldA"];

const CONFIG: &str = "\
version: 1
cluster: prod
unsynced-after: 20000d
sources:
- path: apps
ignore:
- resource: {kind: ConfigMap, name: banner}
  field: .data
  reason: marketing edits it
";

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels:
    app: web
    team: storefront
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example.com/storefront/web:1.25.3
        resources:
          limits:
            memory: 512Mi
";

const CART: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector:
    matchLabels: {app: cart}
  template:
    metadata:
      labels: {app: cart}
    spec:
      containers:
      - {name: cart, image: 'registry.example.com/storefront/cart:7'}
";

const LOGIN: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: shop}
type: Opaque
data:
  password: Z2l0LXNpZGUtc2VjcmV0
stringData:
  user: git-side-secret
";

fn config_map(name: &str, data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\ndata:\n  {data}\n"
    )
}

/// The repository: two commits, the newer of which the cluster has not got yet.
pub(crate) fn repo() -> Repo {
    let repo = Repo::with(&[
        ("drift.yaml", CONFIG),
        ("apps/web.yaml", WEB),
        ("apps/cart.yaml", CART),
        ("apps/login.yaml", LOGIN),
        ("apps/flags.yaml", &config_map("flags", "checkout: old")),
        ("apps/banner.yaml", &config_map("banner", "text: Welcome")),
        ("apps/prices.yaml", &config_map("prices", "currency: EUR")),
        ("apps/gone.yaml", &config_map("gone", "a: b")),
    ]);
    repo.write("apps/flags.yaml", config_map("flags", "checkout: new"));
    repo.commit("Turn the new checkout on");
    repo
}

/// The live objects, as YAML documents.
pub(crate) const LIVE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: kube-system, uid: 5c1e0c6e-0000-4000-8000-000000000001}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: u-web
  labels: {app: web}
  annotations: {debug.example.com/owner: alice}
  managedFields:
  - {manager: argocd-controller, operation: Apply, apiVersion: apps/v1, time: '2024-01-01T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:metadata': {'f:labels': {'f:app': {}}}, 'f:spec': {'f:replicas': {}, 'f:selector': {}, 'f:template': {'f:metadata': {'f:labels': {'f:app': {}}}, 'f:spec': {'f:containers': {'k:{"name":"web"}': {.: {}, 'f:name': {}, 'f:resources': {'f:limits': {}}}}}}}}}
  - {manager: kubectl-set, operation: Update, apiVersion: apps/v1, time: '2024-01-02T03:04:05Z', fieldsType: FieldsV1, fieldsV1: {'f:spec': {'f:template': {'f:spec': {'f:containers': {'k:{"name":"web"}': {'f:image': {}}}}}}}}
  - {manager: kubectl-edit, operation: Update, apiVersion: apps/v1, time: '2024-01-03T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:metadata': {'f:annotations': {'f:debug.example.com/owner': {}}}, 'f:spec': {'f:template': {'f:spec': {'f:containers': {'k:{"name":"web"}': {'f:resources': {'f:limits': {'f:memory': {}}}, 'f:env': {.: {}, 'k:{"name":"DEBUG"}': {.: {}, 'f:name': {}, 'f:value': {}}}}}}}}}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example.com/storefront/web:1.27.0-hotfix
        env: [{name: DEBUG, value: 'true'}]
        resources: {limits: {memory: 1Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  namespace: shop
  uid: u-cart
  managedFields:
  - {manager: argocd-controller, operation: Apply, apiVersion: apps/v1, time: '2024-01-01T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:spec': {'f:selector': {}, 'f:template': {'f:metadata': {'f:labels': {'f:app': {}}}, 'f:spec': {'f:containers': {'k:{"name":"cart"}': {.: {}, 'f:name': {}, 'f:image': {}}}}}}}}
  - {manager: kube-controller-manager, operation: Update, subresource: scale, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {'f:spec': {'f:replicas': {}}}}
spec:
  replicas: 5
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
      - {name: cart, image: 'registry.example.com/storefront/cart:7'}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: cart
  namespace: shop
  uid: u-hpa
  managedFields:
  - {manager: keda, operation: Update, apiVersion: autoscaling/v2, time: '2024-01-01T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:spec': {}}}
spec:
  minReplicas: 2
  maxReplicas: 8
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}
---
apiVersion: v1
kind: Secret
metadata:
  name: login
  namespace: shop
  uid: u-login
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"v1","data":{"password":"Z2l0LXNpZGUtc2VjcmV0"},"kind":"Secret","metadata":{"annotations":{},"name":"login","namespace":"shop"},"stringData":{"user":"git-side-secret"},"type":"Opaque"}'
  managedFields:
  - {manager: kubectl-client-side-apply, operation: Update, apiVersion: v1, time: '2024-01-01T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {.: {}, 'f:user': {}}}}
  - {manager: kubectl-patch, operation: Update, apiVersion: v1, time: '2024-01-04T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:password': {}, 'f:extra': {}}}}
type: Opaque
data:
  password: bGl2ZS1zaWRlLXNlY3JldA==
  extra: bGl2ZS1zaWRlLXNlY3JldA==
  user: Z2l0LXNpZGUtc2VjcmV0
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: flags
  namespace: shop
  uid: u-flags
  managedFields:
  - {manager: argocd-controller, operation: Apply, apiVersion: v1, time: '2024-01-01T00:30:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:checkout': {}}}}
data: {checkout: old}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: banner
  namespace: shop
  uid: u-banner
  managedFields:
  - {manager: kubectl-edit, operation: Update, apiVersion: v1, time: '2024-01-02T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:text': {}}}}
data: {text: Sale}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: prices
  namespace: shop
  uid: u-prices
data: {currency: EUR}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: scratch
  namespace: shop
  uid: u-scratch
  managedFields:
  - {manager: kubectl-create, operation: Update, apiVersion: v1, time: '2024-01-05T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:a': {}}}}
data: {a: b}
"#;

/// `drift check` in the repository against the server, with more arguments.
pub(crate) fn check(repo: &Repo, server: &Server, more: &[&str]) -> Drift {
    Drift::check(repo).kubeconfig(server.kubeconfig()).args(more)
}
