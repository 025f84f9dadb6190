//! What a client can ask for has limits, and those who ask for less are served beside it.

use super::*;

fn root(mode: SubscriptionMode) -> Subscription {
    subscription(Path::default(), mode, Duration::from_secs(3600))
}

impl Bench {
    /// Ports enough for long answers.
    fn add_ports(&mut self) {
        for number in 3..13 {
            let port = Arc::new(MemoryPort::new(format!("eth{number}")));
            let port = self.switch.add_port(number, port, PortState::Up, None);
            self.ports.push(port.unwrap());
        }
    }

    async fn get_roots(&mut self, count: usize) -> Result<usize, tonic::Status> {
        let request = GetRequest {
            path: vec![Path::default(); count],
            encoding: Encoding::Proto.into(),
            ..GetRequest::default()
        };
        let answer = self.client.get(request).await?.into_inner();
        Ok(answer.notification.len())
    }
}

#[tokio::test]
async fn a_get_is_limited_in_paths_and_in_bytes() {
    let mut bench = bench().await;
    assert_eq!(bench.get_roots(256).await.unwrap(), 256);
    for count in [257, 300_000] {
        let error = bench.get_roots(count).await.unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted, "{count}: {error}");
    }
    bench.add_ports();
    let error = bench.get_roots(256).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    assert!(error.message().contains("4194304"), "{error}");
    assert_eq!(bench.get_roots(1).await.unwrap(), 1);
}

#[tokio::test]
async fn subscriptions_of_a_connection_are_limited() {
    let mut bench = bench().await;
    let on_change = || vec![root(SubscriptionMode::TargetDefined)];
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut subscriber = bench
            .try_subscribe(Mode::Stream, on_change())
            .await
            .unwrap();
        assert_eq!(subscriber.synchronized().await.len(), 44);
        open.push(subscriber);
    }
    let refused = bench.try_subscribe(Mode::Stream, on_change()).await;
    assert_eq!(refused.err().unwrap().code(), Code::ResourceExhausted);
    // Room is there again once one ends.
    drop(open.pop());
    let again = async {
        while bench
            .try_subscribe(Mode::Stream, on_change())
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn a_subscription_is_limited_in_paths_and_in_leaves() {
    let mut bench = bench().await;
    let paths = |count| vec![root(SubscriptionMode::Sample); count];
    let most = bench.try_subscribe(Mode::Stream, paths(256)).await;
    assert_eq!(most.unwrap().synchronized().await.len(), 44);
    bench.add_ports();
    for count in [257, 256] {
        let refused = bench.try_subscribe(Mode::Stream, paths(count)).await;
        let mut subscriber = refused.unwrap();
        let code = loop {
            match subscriber.next().await {
                Ok(Some(SubscribeNews::Update(_))) => {}
                Ok(other) => panic!("{count}: {other:?}"),
                Err(status) => break status.code(),
            }
        };
        assert_eq!(code, Code::ResourceExhausted, "{count}");
    }
}
