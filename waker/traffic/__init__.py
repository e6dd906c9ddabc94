"""Who visits: scrapes the ingress controllers' metrics, pod by pod, and says when each app was last visited."""
