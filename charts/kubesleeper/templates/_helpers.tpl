{{/* Labels of every object. The first is that of k8s/. */}}
{{- define "kubesleeper.labels" -}}
app.kubernetes.io/part-of: kubesleeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "kubesleeper.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* What is the same in all pods of the chart: who runs them and with what image. */}}
{{- define "kubesleeper.pod" -}}
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "kubesleeper.container" -}}
image: {{ include "kubesleeper.image" . }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* The labels of an object of k8s/monitoring: the chart's, those that are written, and the installer's. */}}
{{- define "kubesleeper.monitoring.labels" -}}
{{- $root := first . }}
{{- $written := index . 1 }}
{{- $values := index . 2 }}
{{- include "kubesleeper.labels" $root | fromYaml | merge (deepCopy $values.labels) (dig "metadata" "labels" dict $written) | toYaml }}
{{- end }}
