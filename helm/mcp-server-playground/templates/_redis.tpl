{{- define "mcp.redisSecretName" -}}
{{- .Values.redis.existingSecret | default (printf "%s-redis" (include "mcp.fullname" .)) -}}
{{- end -}}

{{- define "mcp.redisHasPassword" -}}
{{- if or .Values.redis.existingSecret .Values.redis.password }}yes{{ end -}}
{{- end -}}

{{- define "mcp.redisIsExternal" -}}
{{- if or .Values.redis.external.host (ne .Values.redis.external.mode "server") }}yes{{ end -}}
{{- end -}}

{{/* The server, some nodes of the cluster, or the sentinels: host:port, separated by commas. */}}
{{- define "mcp.redisAddress" -}}
{{- $external := .Values.redis.external -}}
{{- if ne $external.mode "server" -}}
{{ join "," $external.nodes }}
{{- else if $external.host -}}
{{ $external.host }}:{{ $external.port }}
{{- else -}}
{{ include "mcp.fullname" . }}-valkey:6379
{{- end -}}
{{- end -}}

{{/* Where Redis is, as storage/address.py reads it; the password comes from its Secret, which Kubernetes writes into the address. */}}
{{- define "mcp.redisEnv" -}}
{{- $external := .Values.redis.external -}}
{{- $isExternal := ne (include "mcp.redisIsExternal" .) "" -}}
{{- $scheme := ternary "rediss" "redis" (and $isExternal $external.tls) -}}
{{- $rest := printf "/%d" (ternary (int $external.database) 0 $isExternal) -}}
{{- if eq $external.mode "cluster" -}}
{{- $scheme = printf "%s+cluster" $scheme -}}
{{- $rest = "" -}}
{{- else if eq $external.mode "sentinel" -}}
{{- $scheme = printf "%s+sentinel" $scheme -}}
{{- $rest = printf "%s?service=%s" $rest $external.service -}}
{{- end -}}
{{- $user := ternary $external.username "" $isExternal -}}
{{- $door := "" -}}
{{- if include "mcp.redisHasPassword" . }}
{{- $door = printf "%s:$(REDIS_PASSWORD)@" $user }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "mcp.redisSecretName" . }}
      key: {{ .Values.redis.passwordKey }}
{{- end }}
- name: MCP_REDIS_URL
  value: {{ printf "%s://%s%s%s" $scheme $door (include "mcp.redisAddress" .) $rest | quote }}
{{- with .Values.redis.sentinelPasswordKey }}
- name: MCP_REDIS_SENTINEL_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "mcp.redisSecretName" $ }}
      key: {{ . }}
{{- end }}
{{- if $external.tlsSecret }}
- name: MCP_REDIS_CA_FILE
  value: /etc/mcp-playground/redis/ca.crt
{{- if $external.clientCertificate }}
- name: MCP_REDIS_CERT_FILE
  value: /etc/mcp-playground/redis/tls.crt
- name: MCP_REDIS_KEY_FILE
  value: /etc/mcp-playground/redis/tls.key
{{- end }}
{{- end }}
{{- end -}}

{{- define "mcp.redisMount" -}}
{{- if .Values.redis.external.tlsSecret -}}
- {name: redis-tls, mountPath: /etc/mcp-playground/redis, readOnly: true}
{{- end -}}
{{- end -}}

{{/* Of the Secret what is used, and no more: a private key that nobody asks for stays where it is. */}}
{{- define "mcp.redisVolume" -}}
{{- with .Values.redis.external.tlsSecret -}}
- name: redis-tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      {{- range ternary (list "ca.crt" "tls.crt" "tls.key") (list "ca.crt") $.Values.redis.external.clientCertificate }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end -}}
{{- end -}}

{{/* The ports behind which an external Redis is. Sentinels lead to a server, and a cluster to nodes nobody named. */}}
{{- define "mcp.redisPorts" -}}
{{- $external := .Values.redis.external -}}
{{- $ports := list -}}
{{- if ne $external.mode "server" -}}
{{- range $external.nodes }}{{ $ports = append $ports (splitList ":" . | last | int) }}{{ end -}}
{{- end -}}
{{- if ne $external.mode "cluster" }}{{ $ports = append $ports (int $external.port) }}{{ end -}}
{{- range uniq $ports }}
- port: {{ . }}
{{- end -}}
{{- end -}}
