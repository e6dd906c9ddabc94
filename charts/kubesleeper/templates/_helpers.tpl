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

{{/* An object as k8s/ has it: (list ROOT OBJECT LABELS). It gets the release's namespace, the chart's labels and these. */}}
{{- define "kubesleeper.object" -}}
{{- $root := first . }}
{{- $object := index . 1 }}
{{- $labels := include "kubesleeper.labels" $root | fromYaml }}
{{- $_ := set $object.metadata "labels" (merge $labels (deepCopy (index . 2)) ($object.metadata.labels | default dict)) }}
{{- if $object.metadata.namespace }}
{{- $_ := set $object.metadata "namespace" $root.Release.Namespace }}
{{- end }}
{{- range $object.subjects }}
{{- $_ := set . "namespace" $root.Release.Namespace }}
{{- end }}
{{- toYaml $object }}
{{- end }}
