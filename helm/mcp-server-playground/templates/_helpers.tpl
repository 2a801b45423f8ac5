{{- define "mcp.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 30 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 30 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name "mcp" | trunc 30 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a component's pods are found by, and no other's. Takes root, component and, for workers, pool. */}}
{{- define "mcp.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .pool }}
mcp-server-playground/pool: {{ . }}
{{- end }}
{{- end -}}

{{- define "mcp.labels" -}}
{{ include "mcp.selector" . }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "mcp.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A pool's values over poolDefaults, deep. */}}
{{- define "mcp.pool" -}}
{{- mergeOverwrite (deepCopy .root.Values.poolDefaults) (deepCopy (.pool | default dict)) | toYaml -}}
{{- end -}}

{{- define "mcp.usesKeda" -}}
{{- range $name, $given := .Values.pools -}}
{{- $pool := include "mcp.pool" (dict "root" $ "pool" $given) | fromYaml -}}
{{- if eq $pool.autoscaling.type "keda" }}yes{{ end -}}
{{- end -}}
{{- end -}}

{{- define "mcp.scalesToZero" -}}
{{- range $name, $given := .Values.pools -}}
{{- $pool := include "mcp.pool" (dict "root" $ "pool" $given) | fromYaml -}}
{{- if and (ne $pool.autoscaling.type "none") (eq (int $pool.autoscaling.minReplicas) 0) }}yes{{ end -}}
{{- end -}}
{{- end -}}

{{- define "mcp.host" -}}
{{- $url := required "publicUrl: Ingress and HTTPRoute need the https:// origin that clients use" .Values.publicUrl -}}
{{- (urlParse $url).host | splitList ":" | first -}}
{{- end -}}

{{- define "mcp.secretKeysName" -}}
{{- .Values.secretKeys.existingSecret | default (printf "%s-secret-keys" (include "mcp.fullname" .)) -}}
{{- end -}}

{{- define "mcp.authSecretName" -}}
{{- .Values.auth.existingSecret | default (printf "%s-auth" (include "mcp.fullname" .)) -}}
{{- end -}}

{{- define "mcp.flowerSecretName" -}}
{{- .Values.flower.existingSecret | default (printf "%s-flower" (include "mcp.fullname" .)) -}}
{{- end -}}

{{/* Nothing is written but to /tmp, which is also home: matplotlib and boto3 look there. */}}
{{- define "mcp.homeEnv" -}}
- name: HOME
  value: /tmp
- name: MPLCONFIGDIR
  value: /tmp/matplotlib
{{- end -}}

{{- define "mcp.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mcp.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Pods are rolled when what they read at their start changes. The key ring is read again while they run. */}}
{{- define "mcp.checksums" -}}
checksum/config: {{ include (print .Template.BasePath "/configmap.yaml") . | sha256sum }}
checksum/secrets: {{ include (print .Template.BasePath "/secrets.yaml") . | sha256sum }}
{{- end -}}

{{- define "mcp.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Replicas on different nodes and zones where there are any. */}}
{{- define "mcp.spread" -}}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "mcp.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}
