//! What callers see: gRPC on HTTP/2, health, reflection, and HTTP for people and probes.

pub mod access;
pub mod admin;
pub mod arrival;
pub mod asked;
pub mod bell;
pub mod body;
pub mod calls;
pub mod connection;
pub mod desk;
pub mod grpc;
pub mod health;
pub mod http;
pub mod infer;
pub mod life;
pub mod proxy_protocol;
pub mod reflection;
pub mod rest;
pub mod stream;
pub mod threads;
pub mod tls;
pub mod watched;
