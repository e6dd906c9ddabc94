"""Who visits: reads the ingress controllers' own metrics, pod by pod, and says when each app was last visited."""
