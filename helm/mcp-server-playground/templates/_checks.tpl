{{/* What may not be said together, in a sentence that names the value. Included once, by the ConfigMap. */}}
{{- define "mcp.checks" -}}
{{- include "mcp.checkAuth" . -}}
{{- include "mcp.checkRedis" . -}}
{{- include "mcp.checkSecrets" . -}}
{{- include "mcp.checkMetrics" . -}}
{{- if not .Values.pools }}{{ fail "pools: without a worker pool no tool could run" }}{{ end -}}
{{- range $name, $given := .Values.pools -}}
{{- include "mcp.checkPool" (dict "name" $name "pool" (include "mcp.pool" (dict "root" $ "pool" $given) | fromYaml)) -}}
{{- end -}}
{{- if and (include "mcp.scalesToZero" .) (ne (get .Values.config "MCP_NO_WORKER_TIMEOUT" | default "0" | toString) "0") -}}
{{- fail "config.MCP_NO_WORKER_TIMEOUT: a pool scales from 0, so calls must wait for a worker: leave it out, or 0" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}{{ fail "httpRoute.parentRefs: name the Gateway" }}{{ end -}}
{{- end -}}

{{- define "mcp.checkAuth" -}}
{{- $needed := dict
  "auth0" (list "MCP_AUTH0_DOMAIN" "MCP_AUTH0_CLIENT_ID")
  "github" (list "MCP_GITHUB_CLIENT_ID")
  "google" (list "MCP_GOOGLE_CLIENT_ID")
  "oidc" (list "MCP_OIDC_ISSUER" "MCP_OIDC_CLIENT_ID") -}}
{{- $auth := .Values.auth -}}
{{- if not $auth.providers -}}
{{- if ne $auth.allowUnauthenticated "yes-i-know" -}}
{{- fail "auth.providers: without authentication anyone who reaches the web processes could run the tools. Name a provider, or set auth.allowUnauthenticated=yes-i-know if something in front keeps strangers out" -}}
{{- end -}}
{{- else if not (hasPrefix "https://" .Values.publicUrl) -}}
{{- fail "publicUrl: people sign in, so it must be the https:// origin that clients use" -}}
{{- end -}}
{{- range $provider := $auth.providers -}}
{{- range $name := get $needed $provider -}}
{{- if not (get $auth.settings $name) }}{{ fail (printf "auth.settings.%s: auth.providers names %s, which needs it" $name $provider) }}{{ end -}}
{{- end -}}
{{- if not (or $auth.existingSecret (get $auth.clientSecrets $provider) (eq $provider "oidc")) -}}
{{- fail (printf "auth.existingSecret or auth.clientSecrets.%s: auth.providers names %s, which needs it" $provider $provider) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mcp.checkSecrets" -}}
{{- if not (or .Values.secretKeys.existingSecret .Values.secretKeys.values) -}}
{{- fail "secretKeys.existingSecret or secretKeys.values: the keys that seal what is stored; make one with: openssl rand -base64 32" -}}
{{- end -}}
{{- if not (or (include "mcp.redisIsExternal" .) (include "mcp.redisHasPassword" .)) -}}
{{- fail "redis.existingSecret or redis.password: the bundled Valkey needs a password" -}}
{{- end -}}
{{- $flower := .Values.flower -}}
{{- if and $flower.enabled $flower.url -}}
{{- if not .Values.auth.providers }}{{ fail "flower.url: operators sign in to Flower as people do, so auth.providers must name how" }}{{ end -}}
{{- if not (or $flower.existingSecret $flower.secret) -}}
{{- fail "flower.existingSecret or flower.secret: Flower proves itself with it; make one with: openssl rand -base64 32" -}}
{{- end -}}
{{- else if and $flower.enabled (not (or $flower.existingSecret $flower.basicAuth)) -}}
{{- fail "flower.existingSecret or flower.basicAuth: without flower.url Flower is behind user:password; or set flower.enabled=false" -}}
{{- end -}}
{{- end -}}

{{- define "mcp.checkRedis" -}}
{{- $external := .Values.redis.external -}}
{{- $mode := $external.mode -}}
{{- if eq $mode "server" -}}
{{- if $external.nodes }}{{ fail "redis.external.nodes: redis.external.mode must say whether they are a cluster or sentinels; one server is redis.external.host" }}{{ end -}}
{{- if and $external.tls (not $external.host) }}{{ fail "redis.external.tls: the bundled Valkey speaks no TLS; name a server of yours in redis.external.host" }}{{ end -}}
{{- else -}}
{{- if $external.host }}{{ fail (printf "redis.external.host: redis.external.mode is %s, whose servers stand in redis.external.nodes" $mode) }}{{ end -}}
{{- if not $external.nodes }}{{ fail (printf "redis.external.nodes: redis.external.mode is %s, so name some as host:port" $mode) }}{{ end -}}
{{- end -}}
{{- if and (eq $mode "cluster") (ne (int $external.database) 0) }}{{ fail "redis.external.database: a cluster has database 0 alone" }}{{ end -}}
{{- if ne $mode "sentinel" -}}
{{- if ne $external.service "mymaster" }}{{ fail "redis.external.service: only sentinels know services, so redis.external.mode must be sentinel" }}{{ end -}}
{{- if .Values.redis.sentinelPasswordKey }}{{ fail "redis.sentinelPasswordKey: only sentinels ask for it, so redis.external.mode must be sentinel" }}{{ end -}}
{{- else if and .Values.redis.sentinelPasswordKey (not .Values.redis.existingSecret) -}}
{{- fail "redis.sentinelPasswordKey: it is a key of redis.existingSecret, which must be named" -}}
{{- end -}}
{{- if and $external.tlsSecret (not $external.tls) }}{{ fail "redis.external.tlsSecret: it is for TLS, so redis.external.tls must be true" }}{{ end -}}
{{- if and $external.clientCertificate (not $external.tlsSecret) }}{{ fail "redis.external.clientCertificate: the certificate comes from redis.external.tlsSecret, which must be named" }}{{ end -}}
{{- end -}}

{{- define "mcp.checkPool" -}}
{{- $scaling := .pool.autoscaling -}}
{{- if not .pool.queues }}{{ fail (printf "pools.%s.queues: name the queues it takes jobs from" .name) }}{{ end -}}
{{- if and (eq $scaling.type "hpa") (lt (int $scaling.minReplicas) 1) -}}
{{- fail (printf "pools.%s.autoscaling.minReplicas: only keda scales from 0" .name) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "pools.%s.autoscaling: minReplicas is above maxReplicas" .name) -}}
{{- end -}}
{{- end -}}
