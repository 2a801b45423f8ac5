{{/* What both monitors say about an endpoint. */}}
{{- define "mcp.endpoint" -}}
port: metrics
path: /metrics
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
{{- with .relabelings }}
relabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
The rules of files/alerts.yml for this release alone: each metric is asked for under the labels that the monitors give it, and
each alert carries them.
*/}}
{{- define "mcp.ruleGroups" -}}
{{- $given := .Values.metrics.prometheusRule -}}
{{- $scope := printf "{namespace=\"%s\",job=\"%s\"}" .Release.Namespace .Release.Name -}}
{{- $labels := merge (dict "namespace" .Release.Namespace "job" .Release.Name) $given.alertLabels }}
{{- range $group := (.Files.Get "files/alerts.yml" | fromYaml).groups }}
{{- $rules := list }}
{{- range $rule := $group.rules }}
{{- if not (has $rule.alert $given.disabled) }}
{{- $scoped := regexReplaceAll "(mcp_[a-z_]+)" $rule.expr (printf "${1}%s" $scope) | replace "}{" "," }}
{{- $_ := set $rule "expr" $scoped }}
{{- $_ := set $rule "labels" (mergeOverwrite (deepCopy $labels) $rule.labels) }}
{{- with $given.runbook }}
{{- $_ := set $rule.annotations "runbook_url" (printf "%s#%s" . (lower $rule.alert)) }}
{{- end }}
{{- $rules = append $rules $rule }}
{{- end }}
{{- end }}
- name: {{ $group.name }}
  rules: {{- toYaml $rules | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "mcp.checkMetrics" -}}
{{- $metrics := .Values.metrics -}}
{{- $scraped := or $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled -}}
{{- if eq (int $metrics.port) 3000 }}{{ fail "metrics.port: 3000 is where clients are served" }}{{ end -}}
{{- if and $scraped (not $metrics.enabled) }}{{ fail "metrics.enabled: a monitor is on, so there must be something to scrape" }}{{ end -}}
{{- if and $scraped .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) -}}
{{- fail "networkPolicy.metricsFrom: a monitor is on, so say who scrapes, or set networkPolicy.enabled=false" -}}
{{- end -}}
{{- if $metrics.prometheusRule.enabled -}}
{{- if not (and $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled) -}}
{{- fail "metrics.prometheusRule.enabled: the rules ask for the labels that metrics.serviceMonitor and metrics.podMonitor give: enable both" -}}
{{- end -}}
{{- $known := list -}}
{{- range (.Files.Get "files/alerts.yml" | fromYaml).groups }}{{ range .rules }}{{ $known = append $known .alert }}{{ end }}{{ end -}}
{{- range $metrics.prometheusRule.disabled -}}
{{- if not (has . $known) }}{{ fail (printf "metrics.prometheusRule.disabled: there is no alert %s" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
