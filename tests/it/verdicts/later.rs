//! What Git declares first and later: once the later commit is applied too, nothing is drift.

/// A name, and the object before and after.
pub(super) const LATER: &[(&str, [&str; 2])] = &[
    // The server keeps the pull policy that it chose by the first image.
    ("tag", [WEB, "
apiVersion: apps/v1
kind: Deployment
metadata: {name: @}
spec:
  selector: {matchLabels: {app: @}}
  template: {metadata: {labels: {app: @}}, spec: {containers: [{name: web, image: 'nginx:1.25'}]}}
"]),
    ("removed", ["
apiVersion: apps/v1
kind: Deployment
metadata: {name: @, labels: {a: b, c: d}, annotations: {e: f}}
spec:
  replicas: 3
  revisionHistoryLimit: 3
  strategy: {rollingUpdate: {maxSurge: 3}}
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @, more: x}}
    spec:
      serviceAccountName: robot
      nodeSelector: {disk: ssd}
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 5
      volumes: [{name: v, emptyDir: {}}, {name: w, configMap: {name: c}}]
      initContainers: [{name: init, image: 'busybox:1'}]
      containers:
      - name: web
        image: nginx
        args: [a]
        env: [{name: A, value: '1'}, {name: NODE, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
        ports: [{containerPort: 80}, {containerPort: 53, protocol: UDP}]
        livenessProbe: {httpGet: {port: 80}}
        resources: {limits: {memory: 1Gi}}
        securityContext: {runAsUser: 0}
        volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /w}]
      - {name: second, image: 'busybox:1'}
", WEB]),
    ("added", [WEB, "
apiVersion: apps/v1
kind: Deployment
metadata: {name: @, labels: {a: b}}
spec:
  replicas: 3
  selector: {matchLabels: {app: @}}
  template:
    metadata: {labels: {app: @}}
    spec:
      serviceAccountName: robot
      hostNetwork: true
      volumes: [{name: w, configMap: {name: c}}]
      containers:
      - name: web
        image: nginx
        ports: [{containerPort: 80}]
        livenessProbe: {tcpSocket: {port: 80}}
        volumeMounts: [{name: w, mountPath: /w}]
"]),
    ("probe", ["
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: @}
spec:
  updateStrategy: {type: OnDelete}
  selector: {matchLabels: {app: @}}
  template: {metadata: {labels: {app: @}}, spec: {containers: [{name: web, image: 'a:1', livenessProbe: {httpGet: {port: 80}}}]}}
", "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: @}
spec:
  selector: {matchLabels: {app: @}}
  template: {metadata: {labels: {app: @}}, spec: {containers: [{name: web, image: 'a:1', livenessProbe: {exec: {command: [a]}}}]}}
"]),
    ("balancer", ["
apiVersion: v1
kind: Service
metadata: {name: @}
spec: {type: LoadBalancer, selector: {app: @}, ports: [{name: a, port: 80}, {name: b, port: 81}]}
", "
apiVersion: v1
kind: Service
metadata: {name: @}
spec: {selector: {app: @}, ports: [{name: a, port: 80}]}
"]),
    ("exposed", ["
apiVersion: v1
kind: Service
metadata: {name: @}
spec: {selector: {app: @}, ports: [{name: a, port: 80}]}
", "
apiVersion: v1
kind: Service
metadata: {name: @}
spec: {type: NodePort, sessionAffinity: ClientIP, selector: {app: other}, ports: [{name: a, port: 80, targetPort: web}]}
"]),
    ("metrics", ["
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: @}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}
  minReplicas: 2
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 50}}}]
  behavior: {scaleDown: {stabilizationWindowSeconds: 60}}
", "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: @}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}, maxReplicas: 5}
"]),
    ("data", ["
apiVersion: v1
kind: ConfigMap
metadata: {name: @}
data: {a: '1', b: '2'}
", "
apiVersion: v1
kind: ConfigMap
metadata: {name: @}
data: {b: '3', c: ''}
"]),
    ("keys", ["
apiVersion: v1
kind: Secret
metadata: {name: @}
stringData: {a: one, b: two}
", "
apiVersion: v1
kind: Secret
metadata: {name: @}
data: {b: dHdv}
"]),
];

/// What an apply leaves behind: live really has it, and no later apply takes it away. Git's history has it: a leftover,
/// which is drift after a time.
pub(super) const LEFT_BEHIND: &[&str] = &[
    // The API server keeps what it derived from `stringData`.
    "keys + .data.a *** -> ***: unsynced medium",
    // The alias `serviceAccount`, written by the server, brings the name back.
    "removed + .spec.template.spec.serviceAccountName - -> \"robot\": unsynced medium",
];

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: @}
spec:
  selector: {matchLabels: {app: @}}
  template: {metadata: {labels: {app: @}}, spec: {containers: [{name: web, image: nginx}]}}
";
