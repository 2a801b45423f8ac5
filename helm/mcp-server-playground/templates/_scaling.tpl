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
{{- $isExternal := ne (include "mcp.redisIsExternal" $root) "" }}
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
    - type: {{ ternary "redis" (printf "redis-%s" $external.mode) (eq $external.mode "server") }}
      metadata:
        {{ ternary "address" "addresses" (eq $external.mode "server") }}: {{ include "mcp.kedaAddress" $root | quote }}
        {{- if eq $external.mode "sentinel" }}
        sentinelMaster: {{ $external.service | quote }}
        {{- end }}
        listName: {{ printf "mcp:{broker}:%s" . | quote }}
        listLength: {{ $.scaling.jobsPerReplica | quote }}
        {{- if ne $external.mode "cluster" }}
        databaseIndex: {{ ternary (int $external.database) 0 $isExternal | quote }}
        {{- end }}
        {{- if not $external.tlsSecret }}
        enableTLS: {{ and $isExternal $external.tls | quote }}
        {{- end }}
        {{- if and $isExternal $external.username }}
        username: {{ $external.username | quote }}
        {{- end }}
      {{- if include "mcp.kedaAuthentication" $root }}
      authenticationRef:
        name: {{ include "mcp.fullname" $root }}-redis
      {{- end }}
    {{- end }}
{{- end }}

{{/* What KEDA reads from Secrets. Files for TLS exclude enableTLS: `tls` says it, and can only be referred to. */}}
{{- define "mcp.kedaAuthentication" -}}
{{- $external := .Values.redis.external -}}
{{- $targets := list -}}
{{- $secret := include "mcp.redisSecretName" . -}}
{{- if include "mcp.redisHasPassword" . -}}
{{- $targets = append $targets (dict "parameter" "password" "name" $secret "key" .Values.redis.passwordKey) -}}
{{- end -}}
{{- with .Values.redis.sentinelPasswordKey -}}
{{- $targets = append $targets (dict "parameter" "sentinelPassword" "name" $secret "key" .) -}}
{{- end -}}
{{- with $external.tlsSecret -}}
{{- $targets = append $targets (dict "parameter" "ca" "name" . "key" "ca.crt") -}}
{{- if $external.clientCertificate -}}
{{- $targets = append $targets (dict "parameter" "cert" "name" . "key" "tls.crt") -}}
{{- $targets = append $targets (dict "parameter" "key" "name" . "key" "tls.key") -}}
{{- end -}}
{{- end -}}
{{- with $targets -}}
secretTargetRef: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $external.tlsSecret }}
configMapTargetRef:
  - {parameter: tls, name: {{ include "mcp.fullname" . }}-keda, key: tls}
{{- end }}
{{- end -}}

{{/* KEDA runs in another namespace, where a Service's bare name means nothing. */}}
{{- define "mcp.kedaAddress" -}}
{{- if include "mcp.redisIsExternal" . -}}
{{ include "mcp.redisAddress" . }}
{{- else -}}
{{ include "mcp.fullname" . }}-valkey.{{ .Release.Namespace }}.svc:6379
{{- end -}}
{{- end -}}
