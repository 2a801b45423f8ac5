{{- define "mcp.hpa" }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  labels: {{- include "mcp.labels" .self | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .scaling.minReplicas }}
  maxReplicas: {{ .scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .scaling.targetCPU }}
{{- end }}

{{/* KEDA counts what waits in each queue's list, under the name that the broker gives it. */}}
{{- define "mcp.scaledObject" }}
{{- $root := .self.root }}
{{- $external := $root.Values.redis.external }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ .name }}
  labels: {{- include "mcp.labels" .self | nindent 4 }}
spec:
  scaleTargetRef:
    name: {{ .name }}
  pollingInterval: {{ .scaling.pollingInterval }}
  cooldownPeriod: {{ .scaling.cooldownPeriod }}
  minReplicaCount: {{ .scaling.minReplicas }}
  maxReplicaCount: {{ .scaling.maxReplicas }}
  triggers:
    {{- range .queues }}
    - type: redis
      metadata:
        address: {{ printf "%s" (include "mcp.kedaAddress" $root) | quote }}
        listName: {{ printf "mcp:{broker}:%s" . | quote }}
        listLength: {{ $.scaling.jobsPerReplica | quote }}
        databaseIndex: {{ ternary (int $external.database) 0 (ne $external.host "") | quote }}
        enableTLS: {{ and (ne $external.host "") $external.tls | quote }}
        {{- if and $external.host $external.username }}
        username: {{ $external.username | quote }}
        {{- end }}
      {{- if include "mcp.redisHasPassword" $root }}
      authenticationRef:
        name: {{ include "mcp.fullname" $root }}-redis
      {{- end }}
    {{- end }}
{{- end }}

{{/* KEDA runs in another namespace, where a Service's bare name means nothing. */}}
{{- define "mcp.kedaAddress" -}}
{{- if .Values.redis.external.host -}}
{{ include "mcp.redisAddress" . }}
{{- else -}}
{{ include "mcp.fullname" . }}-valkey.{{ .Release.Namespace }}.svc:6379
{{- end -}}
{{- end -}}
