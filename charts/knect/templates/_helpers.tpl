{{- define "knect.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "knect.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "knect.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "knect.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels that select pods; they never change. Call with (dict "root" $ "component" "operator"). */}}
{{- define "knect.selector" -}}
app.kubernetes.io/name: {{ include "knect.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "knect.labels" -}}
{{ include "knect.selector" . }}
app.kubernetes.io/part-of: knect
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* metadata of an object: name, namespace, labels, annotations. */}}
{{- define "knect.metadata" -}}
name: {{ .name }}
{{- if not .clusterScoped }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- include "knect.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* An image reference. Call with (dict "root" $ "image" .Values.image). */}}
{{- define "knect.image" -}}
{{- $registry := default .root.Values.global.imageRegistry .image.registry }}
{{- $tag := default .root.Chart.AppVersion .image.tag }}
{{- with $registry }}{{ . }}/{{ end }}{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{- define "knect.workerImage" -}}
{{- $own := .Values.worker.image }}
{{- $image := dict
  "registry" (default .Values.image.registry $own.registry)
  "repository" (default .Values.image.repository $own.repository)
  "tag" (default .Values.image.tag $own.tag)
  "digest" (ternary $own.digest .Values.image.digest (or (not (empty $own.digest)) (not (empty $own.repository)) (not (empty $own.tag)))) }}
{{- include "knect.image" (dict "root" . "image" $image) }}
{{- end }}

{{- define "knect.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "knect.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "knect.pullSecrets" -}}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What operator and api pods share, apart from their containers. */}}
{{- define "knect.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Variables for OpenTelemetry, as a map. */}}
{{- define "knect.otel" -}}
{{- with .Values.telemetry.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .Values.telemetry.traceUrl }}
KNECT_TRACE_URL: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Rules of the operator for what it makes; the same in a ClusterRole and in Roles. */}}
{{- define "knect.operatorRules" -}}
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, services]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
- apiGroups: [knect.dev]
  resources: [connections, syncpipelines]
  verbs: [list, watch]
- apiGroups: [knect.dev]
  resources: [connections/finalizers, syncpipelines/finalizers]
  verbs: [update]
- apiGroups: [knect.dev]
  resources: [connections/status, syncpipelines/status]
  verbs: [patch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, delete, get, list, patch, watch]
{{- end }}

{{/* Rules of the api in the namespaces it serves: where their ledgers are. */}}
{{- define "knect.apiRules" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [knect-ledger]
  verbs: [get]
{{- end }}

{{/* Rules of the api for the cluster: who is asking, and may they? */}}
{{- define "knect.apiReviewRules" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}

{{/* Rules of the account people without a token of their own are let in as. */}}
{{- define "knect.personRules" -}}
- apiGroups: [knect.dev]
  resources: [transactions]
  verbs: [get, update]
{{- end }}

{{- define "knect.validate" -}}
{{- if and (not .Values.scope.clusterWide) (empty .Values.scope.namespaces) }}
{{- fail "scope.clusterWide is false and scope.namespaces is empty: name the namespaces to serve" }}
{{- end }}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElection.enabled) }}
{{- fail "replicaCount is above 1 and leaderElection.enabled is false: two operators would do everything twice" }}
{{- end }}
{{- if and .Values.postgresql.bundled (empty .Values.postgresql.existingSecret) }}
{{- fail "postgresql.bundled needs postgresql.existingSecret: make one with kubectl create secret generic knect-postgresql --from-literal=password=…" }}
{{- end }}
{{- end }}
