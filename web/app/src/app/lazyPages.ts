import { lazy } from 'react';

export const People = lazy(() => import('@/people/People'));
export const Threads = lazy(() => import('@/chat/threads/Threads'));
export const Settings = lazy(() => import('@/settings/Settings'));
