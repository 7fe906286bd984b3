#!/bin/sh
# The node of the cluster, started by `offline/cluster.rs` as the first process in mount, PID and network
# namespaces of its own. Everything ends with it: processes, mounts and network. It ends when its standard
# input does.
#   $1 the directory of the cluster, which becomes /run: all paths in the configuration are below it
#   $2 the unpacked Debian packages
#   $3 the address of the node, $4 its address on the link to this machine, $5 this machine's
#   $6 the cgroup of the pods
set -eu
mount --bind "$2" "$1/debian"
mount --rbind "$1" /run
# Programs write to these whatever their configuration says.
mount --bind /run/lib /var/lib
mount --bind /run/log /var/log
made=
[ -e /dev/kmsg ] || { mknod /dev/kmsg c 1 11 && made=/dev/kmsg; }
cd /run

# The suite adds eth0 when the file is there.
ip link set lo up
touch has-namespaces
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip addr add "$4/30" dev eth0
ip link set eth0 up
ip route add default via "$5"
ip link add cni0 type bridge
ip addr add "$3/24" dev cni0
ip link set cni0 up
echo 1 >/proc/sys/net/ipv4/ip_forward

# With cgroups v1 there is a hierarchy for each controller.
hierarchies=/sys/fs/cgroup
[ -e $hierarchies/cgroup.controllers ] || hierarchies="$hierarchies/*"
for hierarchy in $hierarchies; do mkdir -p "$hierarchy/$6"; done

# The suite holds the other end of the pipe, which is closed when it ends, even if it is killed.
exec 3<&0
{
    cat <&3
    kill -KILL -1
    ip link delete eth0
    rm -f $made
    for hierarchy in $hierarchies; do
        until find "$hierarchy/$6" -depth -type d -exec rmdir {} +; do sleep 0.1; done
    done
} &

PATH=/run/bin:/run/debian/usr/sbin:/run/debian/usr/bin:$PATH
LD_LIBRARY_PATH=$(echo /run/debian/usr/lib/*-linux-gnu)
KUBECONFIG=/run/kubeconfig
export PATH LD_LIBRARY_PATH KUBECONFIG
daemon() {
    echo "$*" >"log/$1.log"
    "$@" >>"log/$1.log" 2>&1 </dev/null &
}

daemon etcd --data-dir=/run/etcd --unsafe-no-fsync --logger=zap --log-level=warn
daemon containerd --config=/run/conf/containerd.toml
daemon kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$3" \
    --tls-cert-file=pki/server.crt --tls-private-key-file=pki/server.key --client-ca-file=pki/ca.crt \
    --kubelet-client-certificate=pki/admin.crt --kubelet-client-key=pki/admin.key \
    --kubelet-preferred-address-types=InternalIP --service-cluster-ip-range=10.215.0.0/16 \
    --requestheader-client-ca-file=pki/ca.crt --requestheader-allowed-names=front-proxy \
    --service-account-key-file=pki/accounts.pub --service-account-signing-key-file=pki/accounts.key \
    --service-account-issuer=https://kubernetes.default.svc --authorization-mode=RBAC \
    --enable-aggregator-routing=true --cert-dir=/run/certificates
until kubectl get --raw /readyz >/dev/null 2>&1; do sleep 0.1; done

# The default limits of requests make the first pod wait for four seconds.
component="--kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig \
    --authorization-kubeconfig=kubeconfig --leader-elect=false --bind-address=127.0.0.1 \
    --cert-dir=/run/certificates --kube-api-qps=200 --kube-api-burst=400"
daemon kube-controller-manager $component --use-service-account-credentials=true \
    --root-ca-file=pki/ca.crt --service-account-private-key-file=pki/accounts.key
daemon kube-scheduler $component
daemon kubelet --config=conf/kubelet.yaml --kubeconfig=kubeconfig --root-dir=/run/kubelet \
    --cert-dir=/run/kubelet/pki --hostname-override=node --node-ip="$3"
daemon kube-proxy --config=conf/kube-proxy.yaml --hostname-override=node
wait
