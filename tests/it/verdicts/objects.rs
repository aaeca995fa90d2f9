//! What Git declares before anybody changes anything: `@` is the case's name, `%` the namespace.

pub(super) const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: @, labels: {app: @}}
spec:
  replicas: 2
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @}}
    spec:
      nodeSelector: {disk: ssd}
      initContainers:
      - {name: first, image: 'busybox:1.36'}
      - {name: second, image: 'busybox:1.36'}
      containers:
      - name: web
        image: nginx:1.25
        args: [a, b]
        env: [{name: A, value: '1'}, {name: B, value: '2'}]
        ports: [{containerPort: 80}]
        resources: {limits: {memory: 0.25Gi, cpu: 500m}, requests: {cpu: 100m}}
        securityContext: {allowPrivilegeEscalation: false, runAsUser: 0}
      - {name: helper, image: 'busybox:1.36'}
";

/// A Deployment that leaves its replicas to the cluster.
pub(super) const PLAIN: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: @}
spec:
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @}}
    spec: {containers: [{name: web, image: nginx}]}
";

pub(super) const SCALED: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: @}
spec:
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @}}
    spec: {containers: [{name: web, image: nginx}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: @}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: @}, minReplicas: 2, maxReplicas: 5}
";

pub(super) const STATEFUL_SET: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: @}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @}}
    spec: {containers: [{name: web, image: 'postgres:16'}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
";

pub(super) const DAEMON_SET: &str = "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: @}
spec:
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @}}
    spec: {containers: [{name: web, image: 'agent:1'}]}
";

pub(super) const CRON_JOB: &str = "
apiVersion: batch/v1
kind: CronJob
metadata: {name: @}
spec:
  schedule: 0 1 * * *
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: 'busybox:1'}]}}}}
";

pub(super) const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: @}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: 'busybox:1'}]}}}
";

pub(super) const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: @}
spec: {selector: {app: @}, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]}
";

pub(super) const CONFIG_MAP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: @}
data: {a: '1', b: '2', empty: ''}
";

pub(super) const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: @}
data: {a: b25l}
stringData: {b: two}
";

pub(super) const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: @}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: @}
roleRef: {kind: Role, name: @}
subjects: [{kind: User, name: ann}]
";

pub(super) const CLUSTER_ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: '%-@'}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
";

pub(super) const NETWORK_POLICY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: @}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}
";

pub(super) const INGRESS: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: @}
spec:
  ingressClassName: nginx
  rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
";

pub(super) const BUDGET: &str = "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: @}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
";

pub(super) const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: @}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}, maxReplicas: 5}
";

pub(super) const ACCOUNT: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: @}
automountServiceAccountToken: false
";

/// Applied server-side, such an object has no managedFields at all.
pub(super) const BARE_ACCOUNT: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: @}
";

pub(super) const QUOTA: &str = "
apiVersion: v1
kind: ResourceQuota
metadata: {name: @}
spec: {hard: {requests.cpu: 1000m, 'count/secrets': 100}, scopes: [Terminating]}
";

pub(super) const LIMITS: &str = "
apiVersion: v1
kind: LimitRange
metadata: {name: @}
spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 1Ti}}]}
";

pub(super) const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: @}
spec: {accessModes: [ReadWriteOnce], storageClassName: '', resources: {requests: {storage: 1Gi}}}
";

pub(super) const VOLUME: &str = "
apiVersion: v1
kind: PersistentVolume
metadata: {name: '%-@'}
spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /data}}
";

pub(super) const STORAGE_CLASS: &str = "
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: '%-@'}
provisioner: example.com/none
allowVolumeExpansion: false
";

pub(super) const NAMESPACE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: '%-@'}
";

pub(super) const WEBHOOK: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: '%-@'}
webhooks:
- name: a.verdicts.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {name: none, namespace: none}}
  rules: [{apiGroups: [verdicts.example], apiVersions: [v9], operations: [CREATE], resources: [nothings]}]
";

pub(super) const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: '%-@'}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [verdicts.example], apiVersions: [v9], operations: [CREATE], resources: [nothings]}]}
  validations: [{expression: 'true'}]
";

pub(super) const PRIORITY: &str = "
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: '%-@'}
value: 100
";

pub(super) const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: @}
spec: {containers: [{name: web, image: 'nginx:1.25', resources: {limits: {cpu: 1}}}]}
";

pub(super) const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.verdicts.example}
spec:
  group: verdicts.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
          spec:
            type: object
            properties:
              replicas: {type: integer}
              size: {type: integer, default: 3}
              limit: {type: integer, nullable: true, default: 3}
              enabled: {type: boolean}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [id]
                items: {type: object, required: [id], properties: {id: {type: string}, count: {type: integer, default: 1}}}
";

pub(super) const WIDGET: &str = "
apiVersion: verdicts.example/v1
kind: Widget
metadata: {name: @}
spec: {replicas: 1, enabled: false, free: {list: [1, 2]}, tags: [red, blue], parts: [{id: a}, {id: b, count: 2}]}
";

/// Lets the user `reader` read everything, and nothing else.
pub(super) const READER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: verdicts-reader}
rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: verdicts-reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: verdicts-reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}]
";
